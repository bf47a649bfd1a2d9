"""TFX pipeline files as authors have them, run on this machine and converted."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import headrace
from headrace.cli.main import main

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
PROFILE = REPOSITORY / "examples/headrace.toml"

# A file as TFX's users have them: absl's flags, protos, a runner call, paths below the file.
PROGRAM = """
import os

from absl import app, flags
from tfx import v1 as tfx

_HERE = os.path.dirname(os.path.abspath(__file__))
_MODULE_FILE = os.path.join(_HERE, "module.py")

flags.DEFINE_integer("steps", 20, "Training steps.")
flags.DEFINE_string("root", os.path.join(_HERE, "root"), "Where runs go.")


def create_pipeline(root, steps):
  example_gen = tfx.components.CsvExampleGen(
      input_base=os.path.join(_HERE, "data"),
      output_config=tfx.proto.Output(
          split_config=tfx.proto.SplitConfig(splits=[
              tfx.proto.SplitConfig.Split(name="train", hash_buckets=3),
              tfx.proto.SplitConfig.Split(name="eval", hash_buckets=1),
          ])))
  statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs["examples"])
  schema_gen = tfx.components.SchemaGen(
      statistics=statistics_gen.outputs["statistics"], infer_feature_shape=False)
  example_validator = tfx.components.ExampleValidator(
      statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"])
  transform = tfx.components.Transform(
      examples=example_gen.outputs["examples"],
      schema=schema_gen.outputs["schema"],
      module_file=_MODULE_FILE)
  trainer = tfx.components.Trainer(
      module_file=_MODULE_FILE,
      examples=transform.outputs["transformed_examples"],
      transform_graph=transform.outputs["transform_graph"],
      schema=schema_gen.outputs["schema"],
      train_args=tfx.proto.TrainArgs(num_steps=steps),
      eval_args=tfx.proto.EvalArgs(num_steps=5)).with_id("Trainer.small")
  evaluator = tfx.components.Evaluator(
      examples=example_gen.outputs["examples"],
      model=trainer.outputs["model"],
      eval_config={
          "model_specs": [{"label_key": "species"}],
          "slicing_specs": [{}],
          "metrics_specs": [{"metrics": [{
              "class_name": "SparseCategoricalAccuracy",
              "threshold": {"value_threshold": {"lower_bound": {"value": 0.0}}},
          }]}],
      })
  pusher = tfx.components.Pusher(
      model=trainer.outputs["model"],
      model_blessing=evaluator.outputs["blessing"],
      push_destination=tfx.proto.PushDestination(
          filesystem=tfx.proto.PushDestination.Filesystem(
              base_directory=os.path.join(root, "serving"))))
  return tfx.dsl.Pipeline(
      pipeline_name="penguins_local",
      pipeline_root=root,
      components=[
          example_gen, statistics_gen, schema_gen, example_validator, transform, trainer,
          evaluator, pusher,
      ],
      metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
          os.path.join(root, "db", "metadata.db")),
      beam_pipeline_args=["--direct_running_mode=multi_processing", "--direct_num_workers=0"])


def main(_):
  tfx.orchestration.LocalDagRunner().run(create_pipeline(flags.FLAGS.root, flags.FLAGS.steps))


if __name__ == "__main__":
  app.run(main)
"""

SMALL = """
from absl import app, flags
from tfx import v1 as tfx

flags.DEFINE_string("folder", None, "Where the files are.", required=True)


def main(_):
    gen = tfx.components.CsvExampleGen(input_base=flags.FLAGS.folder)
    pipeline = tfx.dsl.Pipeline("small", components=[gen], pipeline_root="small_root")
    tfx.orchestration.LocalDagRunner().run(pipeline)


if __name__ == "__main__":
    app.run(main)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the program, its module and its data."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "taxi.py").write_text(PROGRAM, "utf-8")
    shutil.copy(REPOSITORY / "examples/penguins/module.py", folder)
    data = folder / "data/penguins.csv"
    command = [sys.executable, str(REPOSITORY / "examples/penguins/prepare_data.py"), str(data)]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="module")
def finished(project: Path) -> subprocess.CompletedProcess[str]:
    """The program, run by its own main function."""
    command = [sys.executable, "-m", "headrace.tfx", "taxi.py", "--steps=30"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def test_a_program_runs_by_its_own_main(
    project: Path, finished: subprocess.CompletedProcess[str]
) -> None:
    assert finished.returncode == 0, finished.stderr
    assert "8 done" in finished.stderr
    (model,) = (project / "root/serving").iterdir()
    assert (model / "saved_model.pb").is_file()
    (examples,) = (project / "root").glob("*/*/CsvExampleGen/examples")
    assert sorted(path.name for path in examples.glob("Split-*")) == ["Split-eval", "Split-train"]


def test_its_lineage_is_where_it_says_under_tfxs_names(
    project: Path, finished: subprocess.CompletedProcess[str]
) -> None:
    assert finished.returncode == 0, finished.stderr
    with sqlite3.connect(project / "root/db/metadata.db") as store:
        names = {name for (name,) in store.execute("SELECT name FROM Context")}
    assert {
        "penguins_local",
        "penguins_local.CsvExampleGen",
        "penguins_local.Trainer.small",
    } <= names


def test_headrace_run_runs_a_file_too(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = project / "small.py"
    source.write_text(SMALL, "utf-8")
    folder, root = project / "data", str(project / "small")
    assert main(["run", str(source), "--root", root, "--", f"--folder={folder}"]) == 0
    assert "1 done" in capfd.readouterr().err
    assert list((project / "small").glob("*/*/CsvExampleGen/examples"))


def test_a_task_that_fails_is_the_programs_error(project: Path) -> None:
    (project / "small.py").write_text(SMALL, "utf-8")
    command = [sys.executable, "-m", "headrace.tfx", "small.py", "--folder=gone"]
    run = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert run.returncode == 2, run.stderr
    assert run.stderr.splitlines()[-1].startswith("error: CsvExampleGen: `input_base` is 'gone'")


def test_a_run_keeps_the_flags_that_it_was_started_with(project: Path) -> None:
    source, later, root = project / "small.py", project / "later", project / "resumed"
    source.write_text(SMALL, "utf-8")
    assert main(["run", str(source), "--root", str(root), "--", f"--folder={later}"]) == 1
    shutil.copytree(project / "data", later)
    (run,) = (path.parent.name for path in root.glob("*/*/run.json"))
    assert main(["run", "--root", str(root), "--resume", run]) == 0
    assert main(["run", str(source), "--root", str(root), "--resume", run]) == 0


@pytest.mark.parametrize("target", ["local", "kubeflow", "vertex"])
def test_the_converted_program_compiles_to_the_same(project: Path, target: str) -> None:
    converted = project / "converted.py"
    assert main(["convert", str(project / "taxi.py"), "-o", str(converted)]) == 0
    text = converted.read_text("utf-8")
    assert 'module_file="module.py"' in text
    assert str(project / "module.py") not in text
    documents = [
        headrace.compile(path, target=target, config=PROFILE)  # type: ignore[arg-type]
        for path in (converted, project / "taxi.py")
    ]
    assert documents[0] == documents[1]


def test_a_program_needs_no_tensorflow_to_be_read(project: Path) -> None:
    check = (
        "import sys, headrace; headrace.compile('taxi.py', target='local');"
        "assert not {'tensorflow', 'apache_beam', 'numpy'} & set(sys.modules), 'imported'"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    subprocess.run([sys.executable, "-c", check], cwd=project, env=environment, check=True)

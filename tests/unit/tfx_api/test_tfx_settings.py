"""Settings of TFX pipelines that TFX refuses or ignores: an error or a line for the author."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import headrace
from headrace.cli.main import main
from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend import loading
from headrace.profiles.profile import read_profile

HEAD = """
import os

from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx
from tfx.dsl.experimental.node_execution_options.utils import NodeExecutionOptions
from tfx.orchestration.pipeline import PipelineInputs

HERE = os.path.dirname(os.path.abspath(__file__))
gen = tfx.components.CsvExampleGen(input_base=os.path.join(HERE, "data"))
statistics = tfx.components.StatisticsGen(examples=gen.outputs["examples"])
fake = metadata_store_pb2.ConnectionConfig()
fake.fake_database.SetInParent()


def make(*nodes, **settings):
    settings.setdefault("pipeline_root", os.path.join(HERE, "my root"))
    return tfx.dsl.Pipeline(
        pipeline_name="pots", components=[gen, statistics, *nodes], **settings
    )


"""
PROFILE = Path(__file__).parents[3] / "examples/headrace.toml"


def written(folder: Path, text: str) -> Path:
    (folder / "data").mkdir()
    (folder / "data/rows.csv").write_text("a,b\n1,2\n3,4\n5,6\n7,8\n")
    file = folder / "pipeline.py"
    file.write_text(HEAD + text)
    return file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('p = make(beam_pipeline_args=["--a=1", None])', "has None of type NoneType, expected a"),
        ("p = make(beam_pipeline_args=[3])", "`beam_pipeline_args` has 3 of type int, expected a"),
        (
            "gen.with_beam_pipeline_args([None])",
            "CsvExampleGen.with_beam_pipeline_args: `beam_pipeline_args` has None",
        ),
        ('p = make(enable_cache="no")', "`enable_cache` is 'no' of type str, expected True or F"),
        ('p = make(execution_mode="SYNC")', "'SYNC' of type str, expected tfx.dsl.ExecutionMode"),
        (
            "RuntimeParameter = tfx.dsl.experimental.RuntimeParameter\n"
            'tfx.proto.TrainArgs(num_steps=RuntimeParameter("n", int, 3))',
            "TrainArgs: `num_steps` is a RuntimeParameter, whose value only a run has",
        ),
        ('tfx.proto.TrainArgs(num_steps="many")', "TrainArgs|int"),
    ],
)
def test_a_setting_of_a_wrong_type_is_refused_with_file_and_line(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(CompileError, match=message) as caught:
        loading.load(written(tmp_path, text))

    assert str(caught.value).startswith("pipeline.py:")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "p = make(metadata_connection_config=fake)",
            "pipeline.py: the pipeline's `metadata_connection_config` names no file and no MySQL",
        ),
        (
            "more = tfx.components.StatisticsGen(gen.outputs['examples']).with_id('more')\n"
            "more.with_node_execution_options(NodeExecutionOptions(\n"
            "    success_optional=True, trigger_strategy=2, max_execution_retries=1))\n"
            "p = make(more)",
            "pipeline.py: more: its node_execution_options ['success_optional', 'trigger_st",
        ),
        (
            "given = PipelineInputs({'rows': gen.outputs['examples']})\n"
            "more = tfx.components.StatisticsGen(examples=given['rows']).with_id('more')\n"
            "inner = tfx.dsl.Pipeline(\n"
            "    pipeline_name='inner', pipeline_root='/elsewhere', components=[more],\n"
            "    inputs=given, enable_cache=True)\n"
            "p = make(inner)",
            "pipeline.py: inner: the `pipeline_root` '/elsewhere' and `enable_cache` of this inner",
        ),
    ],
)
def test_a_setting_without_effect_is_told_to_the_author(
    tmp_path: Path, text: str, note: str
) -> None:
    (found,) = loading.load(f"{written(tmp_path, text)}:p").notes

    assert found.startswith(note)


def test_settings_that_have_an_effect_are_not_noted(tmp_path: Path) -> None:
    text = (
        "more = tfx.components.StatisticsGen(gen.outputs['examples']).with_id('more')\n"
        "more.with_node_execution_options(NodeExecutionOptions(max_execution_retries=2))\n"
        "p = make(more, enable_cache=1)"
    )

    made = loading.load(f"{written(tmp_path, text)}:p")

    assert made.notes == ()
    more = made.spec["root"]["dag"]["tasks"]["statistics-gen-2"]
    assert more["retryPolicy"]["maxRetryCount"] == 2


@pytest.mark.parametrize(
    ("runner", "is_here"),
    [
        ("DirectRunner", True),
        ("directrunner", True),
        ("direct", True),
        ("apache_beam.runners.direct.direct_runner.BundleBasedDirectRunner", True),
        ("DataflowRunner", False),
        ("flink", False),
    ],
)
def test_beams_spellings_of_a_runner_mean_the_same(
    tmp_path: Path, runner: str, is_here: bool
) -> None:
    text = f"p = make(beam_pipeline_args=['--runner={runner}', '--region=r'])"

    spec = loading.load(f"{written(tmp_path, text)}:p").spec

    inputs = spec["root"]["dag"]["tasks"]["csv-example-gen"]
    assert ("beam_pipeline_args" in inputs["inputs"]["parameters"]) is not is_here


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_paths_of_this_machine_are_noted_for_a_cluster(tmp_path: Path, target: str) -> None:
    text = (
        "root = tfx.dsl.experimental.RuntimeParameter('serving', str, os.path.join(HERE, 'new'))\n"
        "rows = tfx.dsl.Importer(\n"
        "    source_uri='gs://my-bucket/rows', artifact_type=tfx.types.standard_artifacts.Schema)\n"
        "more = tfx.components.CsvExampleGen(input_base=root).with_id('More')\n"
        "p = make(rows, more)"
    )
    source = loading.load(f"{written(tmp_path, text)}:p")

    (note,) = compile_for(source, target, read_profile(PROFILE)).notes

    assert note.startswith(
        "pipeline.py: paths of this machine are in the pipeline, and tasks on "
        f"{target} do not see them: parameter `serving` {tmp_path}/new, "
        f"CsvExampleGen `input_base` {tmp_path}/data."
    )
    assert "gs://my-bucket/rows" not in note
    assert compile_for(source, "local", read_profile(None)).notes == ()


PROGRAM = """
from absl import app, flags

flags.DEFINE_integer("spans", None, "", required=True)


def main(_):
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(),
        output_dir=HERE,
        output_filename="job.json",
    )
    runner.run(make(pipeline_root="gs://my-bucket/root"))


app.run(main)
"""


def test_a_program_says_what_it_compiled_and_the_next_command(tmp_path: Path) -> None:
    file = written(tmp_path, PROGRAM)
    (tmp_path / "headrace.toml").write_bytes(PROFILE.read_bytes())

    done = subprocess.run(
        [sys.executable, "-m", "headrace.tfx", file.name, "--spans=2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (
        f"Wrote {tmp_path / 'job.json'}. Run it with: headrace submit pipeline.py " in done.stderr
    )
    assert "--target vertex -- --spans=2" in done.stderr
    assert json.loads((tmp_path / "job.json").read_text())["pipelineSpec"]


def test_flags_reach_the_file_from_python(tmp_path: Path) -> None:
    file = written(tmp_path, PROGRAM)

    made = headrace.compile(str(file), target="local", flags=["--spans=2"])

    assert made["pipelineInfo"]["name"] == "pots"
    with pytest.raises(CompileError, match="behind `--`"):
        headrace.compile(str(file), target="local")


RUNNER = """
from absl import app, flags

flags.DEFINE_string("name", None, "", required=True)


def main(_):
    database = tfx.orchestration.metadata.sqlite_metadata_connection_config(
        os.path.join(HERE, flags.FLAGS.name))
    tfx.orchestration.LocalDagRunner().run(make(metadata_connection_config=database))


if __name__ == "__main__":
    app.run(main)
"""


@pytest.mark.slow
def test_a_file_names_the_root_of_a_run_to_finish_and_of_lineage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, RUNNER)
    rows = (tmp_path / "data/rows.csv").read_text()
    (tmp_path / "data/rows.csv").write_text("a,b\n1\n")
    assert main(["run", str(file), "--", "--name=here.db"]) == 1
    (tmp_path / "data/rows.csv").write_text(rows)
    (run_id,) = (path.name for path in (tmp_path / "my root/pots").iterdir())

    assert main(["run", str(file), "--resume", run_id, "--", "--name=here.db"]) == 0

    capsys.readouterr()
    file.write_text(file.read_text().replace('None, "", required=True', '"here.db", ""'))
    assert main(["lineage", "runs", "--file", str(file), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["run_id"], found["state"]) == (run_id, "complete")
    assert found["tasks"] == {"done": 2, "failed": 1}
    assert not (tmp_path / "headrace_root").exists()


@pytest.mark.slow
def test_python_finishes_a_run_in_the_root_that_the_file_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, RUNNER)
    flags = ["--name=here.db"]
    (tmp_path / "data/rows.csv").rename(tmp_path / "rows.csv")
    failed = headrace.run(str(file), flags=flags)
    assert failed.state == "failed"
    (tmp_path / "rows.csv").rename(tmp_path / "data/rows.csv")

    done = headrace.resume(failed.run_id, pipeline=str(file), flags=flags)

    assert (done.state, done.directory) == ("succeeded", failed.directory)

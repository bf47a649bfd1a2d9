"""What TFX's runners do in a program: `import headrace.tfx`, `python -m headrace.tfx`."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.errors import CompileError
from headrace_tfx.authoring.pipeline import Pipeline
from headrace_tfx.components import data_checks, example_gens
from headrace_tfx.running import host
from headrace_tfx.running.other_runners import KubeflowDagRunner
from headrace_tfx.running.runners import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
from support.tfx_hosts import headrace_host

PROFILE = Path(__file__).parents[3] / "examples/headrace.toml"
DIGEST = f"sha256:{'a' * 64}"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "headrace.toml").write_text(PROFILE.read_text("utf-8"), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pipeline(**settings: Any) -> Pipeline:
    gen = example_gens.CsvExampleGen(input_base="gs://bucket/data")
    statistics = data_checks.StatisticsGen(examples=gen.outputs["examples"])
    settings = {"pipeline_root": "gs://bucket/root", **settings}
    return Pipeline("My_pipeline", components=[gen, statistics], **settings)


def compiled(config: KubeflowV2DagRunnerConfig | None = None, **rest: Any) -> dict[str, Any]:
    values = {key: rest.pop(key) for key in ("parameter_values", "write_out") if key in rest}
    runner = KubeflowV2DagRunner(config or KubeflowV2DagRunnerConfig(), **rest)
    with host.use(headrace_host()):
        document: dict[str, Any] = runner.run(pipeline(), **values)
    return document


def test_the_v2_runner_writes_a_job_of_vertex(directory: Path) -> None:
    job = compiled(output_dir="out/jobs", output_filename="job.json")
    assert job["displayName"] == "My_pipeline"
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/root"
    assert set(job["pipelineSpec"]["root"]["dag"]["tasks"]) >= {"csv-example-gen", "statistics-gen"}
    assert json.loads((directory / "out/jobs/job.json").read_text("utf-8")) == job


def test_the_file_has_a_default_name_and_may_be_left_out(directory: Path) -> None:
    compiled(write_out=False)
    assert not (directory / "pipeline.json").exists()
    compiled()
    assert (directory / "pipeline.json").exists()


def test_a_yaml_file_is_for_kubeflow(directory: Path) -> None:
    document = compiled(output_filename="pipeline.yaml")
    written = list(yaml.safe_load_all((directory / "pipeline.yaml").read_text("utf-8")))
    assert written[0]["pipelineInfo"]["displayName"] == "My_pipeline"
    assert document["pipelineInfo"] == written[0]["pipelineInfo"]


def test_the_runners_display_name_is_that_of_the_job() -> None:
    config = KubeflowV2DagRunnerConfig(display_name="Every night")
    assert compiled(config)["displayName"] == "Every night"


def test_one_image_for_all_has_no_effect(caplog: pytest.LogCaptureFixture) -> None:
    config = KubeflowV2DagRunnerConfig(default_image="gcr.io/tfx-oss-public/tfx:1.16.0")
    with caplog.at_level(logging.WARNING):
        job = compiled(config)
    assert "default_image: gcr.io/tfx-oss-public/tfx:1.16.0 has no effect" in caplog.text
    assert job == compiled()


def test_an_image_of_one_node_is_its_tasks() -> None:
    image = f"gcr.io/mine/statistics@{DIGEST}"
    job = compiled(KubeflowV2DagRunnerConfig(default_image={"StatisticsGen": image}))
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    assert executors["exec-statistics-gen"]["container"]["image"] == image


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({"StatisticGen": f"gcr.io/a/b@{DIGEST}"}, "it names the node 'StatisticGen', but those"),
        ({"StatisticsGen": "gcr.io/a/b:1"}, "expected one pinned by digest"),
    ],
)
def test_images_that_cannot_be_used_are_named(images: dict[str, str], message: str) -> None:
    with pytest.raises(CompileError, match=message):
        compiled(KubeflowV2DagRunnerConfig(default_image=images))


def python(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


PROGRAM = """
from absl import app, flags
from tfx import v1 as tfx

flags.DEFINE_string("output", None, "File.", required=True)


def main(_):
    gen = tfx.components.CsvExampleGen(input_base="gs://bucket/data")
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(),
        output_filename=flags.FLAGS.output,
    )
    runner.run(tfx.dsl.Pipeline("p", pipeline_root="gs://bucket/root", components=[gen]))


if __name__ == "__main__":
    app.run(main)
"""


def test_a_program_gets_its_flags_and_really_compiles(directory: Path) -> None:
    (directory / "runner.py").write_text(PROGRAM, "utf-8")
    run = python("-m", "headrace.tfx", "runner.py", "--output=job.json", directory=directory)
    assert run.returncode == 0, run.stderr
    assert json.loads((directory / "job.json").read_text("utf-8"))["displayName"] == "p"


def test_an_import_is_enough_for_a_program(directory: Path) -> None:
    (directory / "runner.py").write_text(f"import headrace.tfx\n{PROGRAM}", "utf-8")
    run = python("runner.py", "--output=job.json", directory=directory)
    assert run.returncode == 0, run.stderr
    assert (directory / "job.json").exists()


def test_a_programs_mistake_is_one_line(directory: Path) -> None:
    text = "from tfx import v1 as tfx\ntfx.components.CsvExampleGen(spam=1)\n"
    (directory / "runner.py").write_text(text, "utf-8")
    run = python("-m", "headrace.tfx", "runner.py", directory=directory)
    assert run.returncode == 2
    assert run.stderr.startswith("error: runner.py:2: CsvExampleGen: ")
    assert len(run.stderr.splitlines()) == 1
    run = python("-m", "headrace.tfx", "gone.py", directory=directory)
    assert run.returncode == 2
    assert run.stderr.startswith("error: headrace.tfx: 'gone.py' is not a file")


def test_a_program_for_airflow_is_told_what_to_start(directory: Path) -> None:
    runner = "tfx.orchestration.airflow.airflow_dag_runner"
    text = f"""
from tfx import v1 as tfx
from {runner} import AirflowDagRunner, AirflowPipelineConfig
gen = tfx.components.CsvExampleGen(input_base="gs://bucket/data")
config = AirflowPipelineConfig({{"schedule_interval": None}})
DAG = AirflowDagRunner(config).run(tfx.dsl.Pipeline("p", components=[gen]))
"""
    (directory / "runner.py").write_text(text, "utf-8")
    run = python("-m", "headrace.tfx", "runner.py", directory=directory)
    assert run.returncode == 2
    assert run.stderr.startswith("error: AirflowDagRunner: Headrace makes no DAG of Airflow. ")
    assert "headrace run FILE.py" in run.stderr


def test_the_runner_of_kfp_v1_compiles_for_kubeflow(directory: Path) -> None:
    with host.use(headrace_host()):
        KubeflowDagRunner(output_filename="p.tar.gz").run(pipeline())
    document = yaml.safe_load((directory / "p.yaml").read_text("utf-8").split("\n---\n")[0])
    assert document["pipelineInfo"]["name"] == "my-pipeline"


def test_a_programs_exit_code_is_its_own(directory: Path) -> None:
    (directory / "runner.py").write_text("import sys\nsys.exit(7)\n", "utf-8")
    assert python("-m", "headrace.tfx", "runner.py", directory=directory).returncode == 7

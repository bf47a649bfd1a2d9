"""TFX's command line, `python -m headrace.tfx pipeline create ...`, on pipelines of a project."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROFILE = Path(__file__).parents[3] / "examples/headrace.toml"
PIPELINE = """
from tfx import v1 as tfx

ROOT = {root!r}
rows = tfx.components.CsvExampleGen(
    input_base=tfx.dsl.experimental.RuntimeParameter(name="data-root", ptype=str, default="data")
)
{runner}.run(
    tfx.dsl.Pipeline(pipeline_name={name!r}, pipeline_root=ROOT, components=[rows])
)
"""
LOCAL = "tfx.orchestration.LocalDagRunner()"
VERTEX = (
    "tfx.orchestration.experimental.KubeflowV2DagRunner("
    "config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig())"
)


class Project:
    """A directory with a pipeline, and a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a project"
        self.home = folder / "home"
        self.folder.mkdir()
        (self.folder / "data").mkdir()
        (self.folder / "data/rows.csv").write_text("x,y\n1,2\n3,4\n5,6\n", "utf-8")
        self.write()

    def write(
        self,
        file: str = "runner.py",
        *,
        name: str = "My_pipe",
        root: str = "out",
        runner: str = LOCAL,
    ) -> None:
        text = PIPELINE.format(name=name, root=root, runner=runner)
        (self.folder / file).write_text(text, "utf-8")

    def tfx(self, *words: str, expected: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "headrace.tfx", *words],
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.home), "KUBECONFIG": str(self.home / "none")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected, f"{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def registered(self) -> list[str]:
        files = (self.home / "tfx").glob("*/*/pipeline_args.json")
        return sorted(str(each.parent.relative_to(self.home / "tfx")) for each in files)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.slow
def test_a_pipeline_is_created_run_listed_changed_and_deleted(project: Project) -> None:
    created = project.tfx("pipeline", "create", "--pipeline_path=runner.py", "--engine=local")
    assert "Pipeline 'My_pipe' created for local." in created
    assert project.tfx("pipeline", "list", "--engine", "beam").split() == ["My_pipe"]

    ran = project.tfx("run", "create", "--pipeline-name", "My_pipe", "--engine=local")
    assert f"$ headrace run '{project.folder}/runner.py:My_pipe'" in ran
    assert "1 done" in ran
    (run,) = (project.folder / "out/my-pipe").glob("2*")
    assert run.name in project.tfx("run", "list", "--pipeline_name=My_pipe")
    status = project.tfx("run", "status", "--pipeline_name=My_pipe", f"--run_id={run.name}")
    assert "CsvExampleGen" in status

    again = project.tfx("pipeline", "create", "--pipeline-path=runner.py", expected=2)
    assert "exists already. Change it with: tfx pipeline update --engine=local" in again
    project.write(root="other")
    assert "updated" in project.tfx("pipeline", "update", "--pipeline_path=runner.py")
    arguments = json.loads((project.home / "tfx/local/My_pipe/pipeline_args.json").read_text())
    assert arguments["pipeline_root"] == str(project.folder / "other")

    assert "Its runs stay" in project.tfx("pipeline", "delete", "--pipeline_name=My_pipe")
    assert project.registered() == []
    assert run.is_dir()


def test_a_run_on_this_machine_is_deleted_by_its_id_alone(project: Project) -> None:
    project.tfx("pipeline", "create", "--pipeline_path=runner.py")
    project.tfx("run", "create", "--pipeline_name=My_pipe")
    (run,) = (project.folder / "out/my-pipe").glob("2*")
    assert "$ headrace runs delete" in project.tfx("run", "delete", f"--run_id={run.name}")
    assert not run.exists()


def test_a_runtime_parameter_gives_a_run_its_value(project: Project) -> None:
    project.tfx("pipeline", "create", "--pipeline_path", "runner.py")
    shutil.copytree(project.folder / "data", project.folder / "da=ta 2")
    ran = project.tfx(
        "run", "create", "--pipeline_name=My_pipe", "--runtime_parameter", "data-root=da=ta 2"
    )
    assert "--parameter 'data_root=da=ta 2'" in ran
    assert "1 done" in ran

    wrong = "run", "create", "--pipeline_name=My_pipe", "--runtime_parameter", "data-root"
    assert "--runtime_parameter is 'data-root', expected name=value" in project.tfx(
        *wrong, expected=2
    )


@pytest.mark.slow
def test_the_engine_is_that_of_the_runner_in_the_file(project: Project) -> None:
    shutil.copy(PROFILE, project.folder / "headrace.toml")
    project.write("vertex.py", name="on/vertex", root="gs://bucket/root", runner=VERTEX)
    created = project.tfx("pipeline", "create", "--pipeline_path=vertex.py", "--build-image")
    assert "Pipeline 'on/vertex' created for vertex." in created
    assert "--build_image has no effect" in created
    assert project.registered() == ["vertex/on%2Fvertex"]
    job = json.loads((project.home / "tfx/vertex/on%2Fvertex/pipeline.json").read_text("utf-8"))
    assert job["displayName"] == "on/vertex"

    # An address, also an empty one, means Kubeflow; TFX's tutorial leaves it to the reader.
    assert "for kubeflow" in project.tfx(
        "pipeline", "create", "--pipeline_path=vertex.py", "--endpoint="
    )
    assert project.tfx("pipeline", "list").split("\n")[:2] == [
        "on/vertex (kubeflow)",
        "on/vertex (vertex)",
    ]
    several = project.tfx("run", "create", "--pipeline_name=on/vertex", expected=2)
    assert "created for ['kubeflow', 'vertex']. Say which, as --engine=kubeflow" in several
    address = "run", "create", "--pipeline_name=on/vertex", "--endpoint=", "--project=a"
    assert "$ headrace submit" in project.tfx(*address, expected=75)
    other = "run", "create", "--pipeline_name=on/vertex", "--engine=vertex", "--project=another"
    assert 'Write project = "another" there.' in project.tfx(*other, expected=2)


def test_a_compiled_pipeline_is_in_the_current_directory_and_not_noted(project: Project) -> None:
    shutil.copy(PROFILE, project.folder / "headrace.toml")
    project.write(name="rows", root="gs://bucket/root", runner=VERTEX)
    compiled = project.tfx("pipeline", "compile", "--pipeline_path=runner.py", "--engine=kubeflow")
    assert "Pipeline 'rows' compiled: rows.yaml." in compiled
    assert "pipelineInfo" in (project.folder / "rows.yaml").read_text("utf-8")
    assert project.registered() == []


def test_one_of_several_pipelines_of_a_file_is_created_by_its_name(project: Project) -> None:
    text = PIPELINE.format(name="first", root="out", runner=LOCAL)
    both = text + PIPELINE.format(name="second", root="out", runner=LOCAL)
    (project.folder / "runner.py").write_text(both, "utf-8")
    said = project.tfx("pipeline", "create", "--pipeline_path=runner.py", expected=2)
    assert "2 TFX pipelines ['first', 'second'], expected one" in said

    project.tfx("pipeline", "create", "--pipeline_path=runner.py:second")
    arguments = json.loads((project.home / "tfx/local/second/pipeline_args.json").read_text())
    assert arguments["pipeline_path"] == str(project.folder / "runner.py")
    assert "1 done" in project.tfx("run", "create", "--pipeline_name=second")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("run create --pipeline_name=none", "there is no pipeline 'none', only []. Create it:"),
        ("run create", "Missing option '--pipeline_name'"),
        ("run terminate --run_id=1", "there is no run '1' on this machine below []. Correct"),
        ("run delete --run_id=*", "there is no run '*' on this machine"),
        ("pipeline create --pipeline_path=none.py", "tfx pipeline: 'none.py' is not there"),
        ("pipeline create --pipeline_path=data/rows.csv", "is no Python file"),
        ("pipeline update --pipeline_path=runner.py", "there is no pipeline 'My_pipe' of the"),
        ("pipeline create --pipeline_path=runner.py --engine=airflow", "no DAG of Airflow"),
        ("pipeline create --pipeline_path=runner.py --engine=x", "--engine is 'x', expected one"),
        ("pipeline delete --pipeline_name=My_pipe", "there is no pipeline 'My_pipe'"),
        (
            "template copy --model=x --pipeline_name=p --destination_path=d",
            "expected one of ['taxi",
        ),
        ("pipeline invent", "No such command 'invent'"),
    ],
)
def test_a_mistake_is_one_message_and_leaves_nothing(
    project: Project, words: str, message: str
) -> None:
    said = project.tfx(*words.split(), expected=2)
    assert said.startswith("error: ")
    assert message in said
    assert not (project.home / "tfx").exists()


def test_a_damaged_note_is_told_with_its_file(project: Project) -> None:
    place = project.home / "tfx/local/My_pipe"
    place.mkdir(parents=True)
    (place / "pipeline_args.json").write_text("{", "utf-8")
    said = project.tfx("pipeline", "list", expected=2)
    assert f"{place / 'pipeline_args.json'} cannot be read" in said


def test_a_template_does_not_overwrite_what_its_reader_changed(project: Project) -> None:
    copy = ("template", "copy", "--model=taxi", "--pipeline_name=trips", "--destination_path=new")
    assert "- taxi" in project.tfx("template", "list")
    assert "Copied the template 'taxi' to new" in project.tfx(*copy)
    assert 'PIPELINE_NAME = "trips"' in (project.folder / "new/pipeline/configs.py").read_text()
    project.tfx(*copy)  # a notebook runs again

    changed = project.folder / "new/models/features.py"
    changed.write_text("NEW = 1\n", "utf-8")
    said = project.tfx(*copy, expected=2)
    assert "new/models/features.py is there already and differs from the template" in said
    assert changed.read_text("utf-8") == "NEW = 1\n"

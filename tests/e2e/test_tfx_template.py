"""The template of `tfx template copy`: its tests pass, it runs, and compiles for each service."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROFILE = Path(__file__).parents[2] / "examples/headrace.toml"
COPY = ("template", "copy", "--model=taxi", "--pipeline_name=my_trips", "--destination_path=.")
TESTS = ("models.features_test", "models.preprocessing_test", "models.keras_model.model_test")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    called(folder, "headrace.tfx", *COPY)
    (folder / "headrace.toml").write_text(PROFILE.read_text("utf-8"), "utf-8")
    return folder


def called(folder: Path, module: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=folder,
        env={**os.environ, "HOME": str(folder / "home"), "TF_USE_LEGACY_KERAS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", TESTS)
def test_its_own_tests_pass(project: Path, name: str) -> None:
    assert "OK" in called(project, name)


def test_it_runs_on_this_machine_and_pushes_a_model(project: Path) -> None:
    called(project, "headrace.tfx", "pipeline", "create", "--pipeline_path=local_runner.py")
    ran = called(project, "headrace.tfx", "run", "create", "--pipeline_name=my_trips")

    assert "9 done" in ran
    assert "Evaluator: BLESSED." in ran
    assert list((project / "tfx_pipeline_output/serving_model").glob("*/saved_model.pb"))
    assert (project / "tfx_pipeline_output/tfx_metadata/my_trips/metadata.db").is_file()

    # A second model has to be as good as the first.
    configs = project / "pipeline/configs.py"
    configs.write_text(configs.read_text("utf-8").replace("_STEPS = 200", "_STEPS = 250"), "utf-8")
    called(project, "headrace.tfx", "pipeline", "update", "--pipeline_path=local_runner.py")
    again = called(project, "headrace.tfx", "run", "create", "--pipeline_name=my_trips")
    assert "StatisticsGen                  cached" in again
    assert "Trainer                        done" in again


@pytest.mark.parametrize(
    ("runner", "file"),
    [("kubeflow_runner.py", "my_trips.yaml"), ("kubeflow_v2_runner.py", "my_trips.json")],
)
def test_its_runner_writes_the_pipeline_for_a_service(
    project: Path, runner: str, file: str
) -> None:
    called(project, "headrace.tfx", runner)

    text = (project / file).read_text("utf-8")
    assert "latest-blessed-model" in text
    assert "gs://my-project-kubeflowpipelines-default/tfx-template/data/taxi" in text

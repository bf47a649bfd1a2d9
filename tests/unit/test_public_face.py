"""The names that `import headrace` shows, and a remote run started from Python."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import headrace
from headrace.targets.kubeflow import pipelines_api
from headrace.targets.kubeflow.settings import Kubeflow
from support.cases.kubeflow_pipelines import flights
from support.fakes.kubeflow_api import KubeflowApi, kubeflow_api

EXPECTED = [
    "CompileError",
    "ContactLostError",
    "ContainerOptions",
    "InputError",
    "PlatformError",
    "Profile",
    "RunList",
    "RunResult",
    "Silence",
    "SubmittedRun",
    "compile",
    "graph",
    "resume",
    "run",
    "runs",
    "submit",
]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeflowApi]:
    for name in ("HEADRACE_KFP_TOKEN", "HEADRACE_KFP_COOKIES", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    monkeypatch.setattr(pipelines_api, "PAUSES_SECONDS", (0.01, 0.01))
    with kubeflow_api() as served:
        yield served


def profile(api: KubeflowApi) -> headrace.Profile:
    return headrace.Profile(targets=(Kubeflow(host=api.address, parameters={"steps": 6}),))


def test_all_names_are_shown_and_there() -> None:
    assert sorted(headrace.__all__) == EXPECTED
    assert set(EXPECTED) <= set(dir(headrace))
    for name in EXPECTED:
        assert getattr(headrace, name).__doc__


def test_help_shows_what_the_functions_take() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import headrace; help(headrace)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    for words in (
        "compile(",
        "submit(",
        "run(",
        "run_id: str",
        "class RunResult",
        "class CompileError",
    ):
        assert words in shown


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sumbit'"):
        _ = headrace.sumbit  # type: ignore[attr-defined]


def test_a_run_is_submitted_and_waited_for(
    api: KubeflowApi, capsys: pytest.CaptureFixture[str]
) -> None:
    run = headrace.submit(
        flights,
        target="kubeflow",
        config=profile(api),
        parameters={"deep": True},
        run_id="monday",
        poll_seconds=0.01,
    )

    (stored,) = api.runs.values()
    assert stored["runtime_config"]["parameters"] == {"steps": 6, "deep": True}
    assert stored["display_name"] == "monday"
    assert (run.id, run.state, run.is_over) == (stored["run_id"], "succeeded", True)
    assert run.link == f"{api.address}/#/runs/details/{run.id}"
    assert {task.name: task.state for task in run.tasks} == {
        "make": "done",
        "train": "done",
        "for-loop-2/0/train-2": "done",
        "for-loop-2/1/train-2": "done",
        "condition-3/train-3": "done",
    }
    assert run.id in repr(run)
    printed = capsys.readouterr()
    assert "" == printed.out == printed.err


def test_a_run_that_fails_does_not_raise(api: KubeflowApi) -> None:
    api.failing = {"train", "condition-3"}
    api.logs["train"] = "ERROR train: a column is missing. Add it.\n"

    run = headrace.submit(flights, target="kubeflow", config=profile(api), poll_seconds=0.01)

    assert run.state == "failed"
    (failed,) = (task for task in run.tasks if task.state == "failed")
    assert "a column is missing" in failed.message
    assert "a column is missing" in (run.log("train") or "")


def test_a_run_need_not_be_waited_for(api: KubeflowApi) -> None:
    run = headrace.submit(flights, target="kubeflow", config=profile(api), wait=False)

    assert not run.is_over
    assert {task.state for task in run.refresh().tasks} <= {"waiting", "running"}
    run.cancel()
    assert run.wait().state == "cancelled"


def test_a_run_starts_from_a_file_and_a_profile_too(api: KubeflowApi, tmp_path: Path) -> None:
    config = tmp_path / "headrace.toml"
    config.write_text(f'[kubeflow]\nhost = "{api.address}"\nexperiment = "nightly"\n', "utf-8")
    file = Path(sys.modules[flights.pipeline_func.__module__].__file__ or "")

    headrace.submit(f"{file}:flights", target="kubeflow", config=config, wait=False)

    assert [each["display_name"] for each in api.experiments.values()] == ["nightly"]


def test_a_parameter_that_the_pipeline_lacks_is_an_error_and_nothing_starts(
    api: KubeflowApi,
) -> None:
    with pytest.raises(headrace.InputError, match=r"no parameter 'step'.*Did you mean 'steps'"):
        headrace.submit(flights, target="kubeflow", config=profile(api), parameters={"step": 1})
    with pytest.raises(headrace.InputError, match="'steps' is 'six', but it is a NUMBER_INTEGER"):
        headrace.submit(
            flights, target="kubeflow", config=profile(api), parameters={"steps": "six"}
        )

    assert api.runs == {}


def test_a_service_that_does_not_answer_is_a_platform_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipelines_api, "PAUSES_SECONDS", (0.01,))
    config = headrace.Profile(targets=(Kubeflow(host="http://127.0.0.1:9"),))

    with pytest.raises(headrace.PlatformError, match=r"127\.0\.0\.1:9"):
        headrace.submit(flights, target="kubeflow", config=config)


def test_this_machine_is_not_a_service() -> None:
    with pytest.raises(headrace.CompileError, match=r"'local'.*headrace\.run"):
        headrace.submit(flights, target="local")

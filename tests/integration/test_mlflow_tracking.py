# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""Runs on this machine in a real MLflow."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl
from mlflow.tracking import MlflowClient

import headrace
from headrace.profiles.tracking import Tracking
from headrace.targets.local.shared.results import RunResult, RuntimeArtifact, TaskOutcome
from headrace.targets.local.tracking.logged_run import key_of, logged, parameters_of
from headrace.targets.local.tracking.mlflow_run import MlflowRun
from headrace_components.artifacts import Model, ModelBlessing
from headrace_components.catalog import pusher
from support.programs import mlflow_server

HEADRACE = str(Path(sys.executable).with_name("headrace"))


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server.server(tmp_path_factory.mktemp("mlflow")) as started:
        yield started


@dsl.pipeline(name="gate")
def gate(model: str, blessing: str, destination: str):
    candidate = dsl.importer(artifact_uri=model, artifact_class=Model)
    verdict = dsl.importer(
        artifact_uri=blessing, artifact_class=ModelBlessing, metadata={"blessed": 0}
    )
    pusher(model=candidate.output, model_blessing=verdict.output, base_directory=destination)


def parameters(folder: Path) -> dict[str, str]:
    (folder / "model/Format-Serving").mkdir(parents=True)
    (folder / "model/Format-Serving/saved_model.pb").write_bytes(b"")
    (folder / "verdict").mkdir()
    (folder / "verdict/NOT_BLESSED").touch()
    given = {"model": "model", "blessing": "verdict", "destination": "serving"}
    return {name: str(folder / place) for name, place in given.items()}


def only_run(uri: str, experiment: str) -> Any:
    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    (run,) = client.search_runs([found.experiment_id])
    return run


@pytest.mark.slow
def test_a_run_is_logged_with_its_parameters_and_verdicts_and_a_resumed_one_continues_it(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "headrace.toml").write_text(f'[tracking]\nmlflow = "{uri}"\n', "utf-8")
    given = parameters(tmp_path)

    result = headrace.run(gate, parameters=given)
    first = only_run(uri, "gate")
    headrace.resume(result.run_id)
    again = only_run(uri, "gate")

    assert result.state == "succeeded", result.failures
    assert first.info.run_id == again.info.run_id
    assert (first.info.status, again.info.status) == ("FINISHED", "FINISHED")
    assert first.info.run_name == result.run_id
    assert first.data.params == given
    assert first.data.tags["headrace.run_id"] == result.run_id
    assert first.data.tags["headrace.verdict"] == "bad"
    assert first.data.tags["headrace.verdict.pusher"] == "not pushed: the model is not blessed"


@pytest.mark.slow
def test_a_server_that_is_down_is_a_warning_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text(
        "from kfp import dsl\n"
        "@dsl.container_component\n"
        "def say(text: str):\n"
        "    return dsl.ContainerSpec(image='x', command=['echo'], args=[text])\n"
        "@dsl.pipeline(name='says')\n"
        "def says(text: str = 'hello'):\n"
        "    say(text=text)\n",
        "utf-8",
    )
    profile = tmp_path / "my profile.toml"
    profile.write_text('[tracking]\nmlflow = "http://me:secret@127.0.0.1:9"\n', "utf-8")

    ran = subprocess.run(
        [HEADRACE, "run", "pipeline.py", "--config", profile.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert "tracking: the run is not logged to MLflow at http://127.0.0.1:9: " in ran.stderr
    assert "Connection refused" in ran.stderr
    assert "headrace run --resume" in ran.stderr
    assert "secret" not in ran.stderr


def result(folder: Path, run_id: str = "20261130-1") -> RunResult:
    (folder / "metrics").mkdir(parents=True)
    curves = {"loss": [[1, 0.5], [2, 0.25]], "val_loss": [[1, "nan"], [2, "inf"]]}
    (folder / "metrics/history.json").write_text(json.dumps(curves), "utf-8")
    (folder / "model/Format-Serving").mkdir(parents=True)
    (folder / "model/Format-Serving/saved_model.pb").write_bytes(b"model")
    (folder / "report.html").write_text("<!DOCTYPE html>", "utf-8")
    trained = TaskOutcome(
        name="for-loop-1/0/trainer",
        state="done",
        artifacts={
            port: (RuntimeArtifact(uri=str(folder / place), type=kind, metadata=data, port=port),)
            for port, place, kind, data in (
                ("metrics", "metrics", "system.Metrics", {"loss": 0.25, "loss_baseline": 0.5}),
                ("model", "model", "tfx.Model", {}),
                ("report", "report.html", "system.HTML", {}),
                ("model_run", "model_run", "tfx.ModelRun", {"has_finite_loss": 0}),
                ("pushed", "p", "tfx.PushedModel", {"pushed": 1, "pushed_destination": "/s/3"}),
            )
        },
    )
    return RunResult(
        pipeline="p",
        run_id=run_id,
        state="failed",
        directory=folder,
        seconds=1.0,
        tasks=(trained,),
        failures=(),
    )


@pytest.mark.slow
def test_curves_have_steps_and_reports_and_models_are_files(
    uri: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    odd = {"texts": ["é", "x" * 9000], "n": 3, "empty": ""}

    run = MlflowRun(
        Tracking(mlflow=uri, experiment="all of it", models="upload"),
        pipeline="p",
        run_id="20261130-1",
        parameters=odd,
        notify=told.append,
    )
    run.finish(result(tmp_path / "a run"))

    assert capfd.readouterr().out == ""
    found = only_run(uri, "all of it")
    page = f"{uri}/#/experiments/{found.info.experiment_id}/runs/{found.info.run_id}"
    assert told == [f"Logged to MLflow: {page}"]
    assert found.info.status == "FAILED"
    assert found.data.params["n"] == "3"
    assert len(found.data.params["texts"]) == 5000
    task = "for-loop-1/0/trainer"
    assert found.data.metrics[f"{task}/loss"] == 0.25
    assert found.data.metrics[f"{task}/loss_baseline"] == 0.5
    verdicts = found.data.tags[f"headrace.verdict.{task}"]
    assert verdicts == "the loss is not a finite number; pushed to /s/3"
    assert found.data.tags[f"headrace.model.{task}"] == str(tmp_path / "a run/model")
    assert found.data.tags[f"headrace.pushed.{task}"] == "/s/3"
    client = MlflowClient(tracking_uri=uri)
    curve = client.get_metric_history(found.info.run_id, f"{task}/curves/loss")
    assert [(each.step, each.value) for each in curve] == [(1, 0.5), (2, 0.25)]
    lost = client.get_metric_history(found.info.run_id, f"{task}/curves/val_loss")
    assert math.isnan(lost[0].value)
    folder = "for-loop-1-0-trainer"
    page = client.download_artifacts(
        found.info.run_id, f"reports/{folder}/report.html", str(tmp_path)
    )
    assert Path(page).read_text("utf-8") == "<!DOCTYPE html>"
    place = f"models/{folder}/model/Format-Serving/saved_model.pb"
    assert Path(
        client.download_artifacts(found.info.run_id, place, str(tmp_path))
    ).read_bytes() == (b"model")


def test_models_are_named_and_not_copied_unless_asked(tmp_path: Path) -> None:
    run = logged(result(tmp_path / "run"))

    assert list(run.models) == ["models/for-loop-1-0-trainer/model"]
    assert Tracking(mlflow="http://x").models == "reference"


def test_a_damaged_history_is_left_out(tmp_path: Path) -> None:
    made = result(tmp_path / "run")
    for text in ("", "[]", '{"loss": 3}', '{"loss": [["a", 1]]}', "[" * 9999):
        (tmp_path / "run/metrics/history.json").write_text(text, "utf-8")
        assert not [each for each in logged(made).metrics if "curves" in each.key]


def test_names_and_values_keep_mlflows_rules() -> None:
    assert key_of("for-loop-1/0/traîner: [a]") == "for-loop-1/0/tra_ner_ _a_"
    assert key_of("///") == "_"
    assert parameters_of({"b": {"x": [1]}, "a": "text"}) == {"a": "text", "b": '{"x": [1]}'}


def test_the_variable_of_mlflow_alone_logs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "mlruns"))

    assert headrace.run(gate, parameters=parameters(tmp_path)).state == "succeeded"
    assert not (tmp_path / "mlruns").exists()
    assert os.environ["MLFLOW_TRACKING_URI"]

"""Contract of latest_blessed_model: which model of the earlier runs it chooses."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headrace_components.contract import task
from headrace_components.latest_blessed_model.executor import execute
from support.cases import declared
from support.fakes import object_stores
from support.launcher.entry_points import Launcher, Outcome, TaskFailedError

external_state = declared.cache("latest_blessed_model").external_state


def write_run(
    runs: Path,
    run: str,
    *,
    created: float,
    blessed: bool = True,
    evaluator: str = "evaluator",
    uri: str | None = None,
) -> Path:
    """Writes the results of a run with a trainer and an evaluator; returns the model."""
    model = runs / run / "trainer/model"
    (model / "Format-Serving").mkdir(parents=True)
    (model / "Format-Serving/saved_model.pb").write_text(run)
    os.utime(model / "Format-Serving/saved_model.pb", (created, created))
    blessing = runs / run / evaluator / "blessing"
    blessing.mkdir(parents=True)
    content = {"model": uri or str(model), "baseline_model": "", "created": created}
    (blessing / ("BLESSED" if blessed else "NOT_BLESSED")).write_text(json.dumps(content))
    return model


def run_locally(
    runs: Path, search_root: str = "", **parameters: list[str]
) -> dict[str, dict[str, Any]]:
    """Runs the component as the local backend does, in a hidden directory of run `now`."""
    partial = runs / "now/.latest_blessed_model.1234.partial"
    partial.mkdir(parents=True, exist_ok=True)
    (runs / "now/run.json").write_text("{}")
    message = {
        "inputs": {"parameterValues": {"search_root": search_root, **parameters}},
        "outputs": {
            "artifacts": {
                port: {"artifacts": [{"name": port, "uri": str(partial / port), "metadata": {}}]}
                for port in ("model", "model_blessing")
            },
            "outputFile": str(partial / "output.json"),
        },
    }
    code = task.main("latest_blessed_model", execute, ["--executor_input", json.dumps(message)])
    assert code == 0
    published = json.loads((partial / "output.json").read_text("utf-8"))["artifacts"]
    return {port: entries["artifacts"][0] for port, entries in published.items()}


def test_the_newest_blessed_model_wins_whatever_the_names_of_the_runs(tmp_path: Path) -> None:
    runs = tmp_path / "flights"
    write_run(runs, "run-9", created=100.0)
    newest = write_run(runs, "run-1", created=300.0)
    write_run(runs, "run-5", created=200.0)

    found = run_locally(runs)

    assert found["model"]["uri"] == str(newest)
    assert found["model"]["metadata"] == {"found": 1}
    assert found["model_blessing"]["uri"] == str(runs / "run-1/evaluator/blessing")
    assert found["model_blessing"]["metadata"]["blessed"] == 1


def test_an_older_model_that_is_blessed_again_does_not_come_back(tmp_path: Path) -> None:
    runs = tmp_path / "flights"
    older = write_run(runs, "run-1", created=100.0)
    newer = write_run(runs, "run-2", created=200.0)
    again = runs / "run-3/evaluator/blessing"
    again.mkdir(parents=True)
    (again / "BLESSED").write_text(json.dumps({"model": str(older), "created": 300.0}))

    assert run_locally(runs)["model"]["uri"] == str(newer)


def test_the_newest_blessing_of_a_model_is_handed_on(tmp_path: Path) -> None:
    runs = tmp_path / "flights"
    model = write_run(runs, "run-1", created=100.0)
    again = runs / "run-0/evaluator/blessing"
    again.mkdir(parents=True)
    (again / "BLESSED").write_text(json.dumps({"model": str(model), "created": 300.0}))

    found = run_locally(runs)

    assert found["model"]["uri"] == str(model)
    assert found["model_blessing"]["uri"] == str(again)


def test_a_model_that_was_not_blessed_is_passed_over(tmp_path: Path) -> None:
    runs = tmp_path / "flights"
    blessed = write_run(runs, "run-1", created=100.0)
    write_run(runs, "run-2", created=200.0, blessed=False)

    assert run_locally(runs)["model"]["uri"] == str(blessed)


def test_before_the_first_blessing_the_outputs_are_empty(tmp_path: Path) -> None:
    runs = tmp_path / "flights"
    write_run(runs, "run-1", created=100.0, blessed=False)

    found = run_locally(runs)

    model = Path(found["model"]["uri"])
    assert found["model"]["metadata"] == {"found": 0}
    assert found["model_blessing"]["metadata"] == {"found": 0}
    assert model.is_dir()
    assert not list(model.iterdir())


def test_an_unfinished_task_is_not_searched(tmp_path: Path) -> None:
    runs = tmp_path / "flights"
    write_run(runs, "run-1", created=100.0, evaluator=".evaluator.12ab.partial")

    assert run_locally(runs)["model"]["metadata"] == {"found": 0}


def test_an_evaluator_in_a_loop_of_a_condition_is_found(tmp_path: Path) -> None:
    runs = tmp_path / "flights"
    model = write_run(runs, "run-1", created=1.0, evaluator="condition-1/for-loop-2/3/evaluator")

    assert run_locally(runs)["model"]["uri"] == str(model)


def test_a_blessed_model_that_is_gone_gives_way_to_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs = tmp_path / "flights"
    older = write_run(runs, "run-1", created=100.0)
    newer = write_run(runs, "run-2", created=200.0)
    (newer / "Format-Serving/saved_model.pb").unlink()
    (newer / "Format-Serving").rmdir()
    newer.rmdir()

    with caplog.at_level(logging.INFO):
        found = run_locally(runs)

    assert found["model"]["uri"] == str(older)
    assert f"its model {newer} is gone" in caplog.text


def test_a_blessing_that_names_no_model_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs = tmp_path / "flights"
    model = write_run(runs, "run-1", created=100.0)
    (runs / "tfx/blessing").mkdir(parents=True)
    (runs / "tfx/blessing/BLESSED").write_text("")

    with caplog.at_level(logging.INFO):
        found = run_locally(runs)

    assert found["model"]["uri"] == str(model)
    assert "does not say which model it is for" in caplog.text


def test_another_pipeline_of_the_root_is_searched_only_when_named(tmp_path: Path) -> None:
    model = write_run(tmp_path / "penguins", "run-1", created=100.0)

    assert run_locally(tmp_path / "flights")["model"]["metadata"] == {"found": 0}
    named = run_locally(tmp_path / "flights", search_root=str(tmp_path / "penguins"))
    assert named["model"]["uri"] == str(model)


def test_on_vertex_jobs_of_other_pipelines_are_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_MOUNT_ROOT", str(tmp_path))
    jobs = tmp_path / "gcs/bucket/root/4711"
    uri = "gs://bucket/root/4711/{}/trainer/model"
    for job, created in (("flights-20260101000000", 1.0), ("flights-big-20260202000000", 2.0)):
        write_run(jobs, job, created=created, evaluator="evaluator_-12", uri=uri.format(job))
    task_uri = "gs://bucket/root/4711/flights-20260303000000/latest-blessed-model_99"
    message = {
        "outputs": {
            "artifacts": {
                port: {"artifacts": [{"uri": f"{task_uri}/{port}"}]}
                for port in ("model", "model_blessing")
            },
            "outputFile": str(tmp_path / "output.json"),
        }
    }

    task.main("latest_blessed_model", execute, ["--executor_input", json.dumps(message)])

    published = json.loads((tmp_path / "output.json").read_text("utf-8"))["artifacts"]
    job = "gs://bucket/root/4711/flights-20260101000000"
    assert published["model"]["artifacts"][0]["uri"] == f"{job}/trainer/model"
    assert published["model_blessing"]["artifacts"][0]["uri"] == f"{job}/evaluator_-12/blessing"


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    runs = launcher.root / "store/bucket/artifacts/pipeline"
    scheme = "gs" if launcher.rules == "vertex" else "minio"
    uri = f"{scheme}://bucket/artifacts/pipeline/run-0/trainer/model"
    write_run(runs, "run-0", created=1.0, uri=uri)

    # Only Vertex AI mounts the outputs of earlier runs; on Kubeflow the task asks the object store.
    with object_stores.s3() as server:
        object_stores.put(server, runs, "artifacts/pipeline")
        outcome = launcher.run("latest_blessed_model", environment=server)

    model = outcome["model"]
    assert model.metadata["found"] == 1
    assert (model.path / "Format-Serving/saved_model.pb").read_text() == "run-0"
    assert outcome["model_blessing"].metadata["current_model"] == uri
    assert (outcome["model_blessing"].path / "BLESSED").is_file()
    if launcher.rules == "vertex":
        assert model.uri == uri
    else:
        assert model.metadata["copied_from"] == uri
    return outcome


def test_on_kubeflow_a_store_that_is_mounted_is_searched(
    launcher: Launcher, tmp_path: Path
) -> None:
    mounted = tmp_path / "mnt/artifacts/pipeline"
    uri = "minio://bucket/artifacts/pipeline/run-0/trainer/model"
    write_run(mounted, "run-0", created=1.0, uri=uri)

    outcome = launcher.run("latest_blessed_model", {"search_root": str(mounted)})

    assert outcome["model"].metadata == {"found": 1, "copied_from": uri}
    assert (outcome["model"].path / "Format-Serving/saved_model.pb").read_text() == "run-0"
    assert outcome["model_blessing"].metadata["current_model"] == uri
    assert (outcome["model_blessing"].path / "BLESSED").is_file()


@pytest.mark.parametrize(
    ("search_root", "message"),
    [
        ("/no/such/root", r"latest_blessed_model: `search_root` is '/no/such/root', but there is"),
        ("hdfs://root", r"`search_root` is 'hdfs://root', but no local path is known.*Pass a dir"),
    ],
)
def test_a_search_root_that_cannot_be_searched_is_refused(
    launcher: Launcher, search_root: str, message: str
) -> None:
    with pytest.raises(TaskFailedError, match=message):
        launcher.run("latest_blessed_model", {"search_root": search_root})


def test_it_is_never_answered_from_a_cache() -> None:
    assert external_state({"search_root": ""}, {}) is None


def test_it_needs_no_tensorflow() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'apache_beam', 'kfp'])); "
        "import headrace_components.latest_blessed_model.executor"
    )
    result = subprocess.run([sys.executable, "-c", code], env=os.environ, check=False)
    assert result.returncode == 0


def test_only_blessings_and_models_of_the_named_tasks_count(tmp_path: Path) -> None:
    runs = tmp_path / "flights"
    digits = write_run(runs, "run-1", created=100.0, evaluator="Evaluator.mnist")
    write_run(runs, "run-2", created=200.0, evaluator="Evaluator")

    assert run_locally(runs, blessings=["Evaluator.mnist"])["model"]["uri"] == str(digits)
    for none in (
        run_locally(runs, blessings=["evaluator-9/blessing"]),
        run_locally(runs, models=["trainer/other"]),
    ):
        assert none["model"]["metadata"] == {"found": 0}
    both = run_locally(runs, blessings=["Evaluator.mnist/blessing"], models=["trainer/model"])
    assert both["model"]["uri"] == str(digits)
    # The name of kfp, which the directory does not have.
    record = runs / "run-1/Evaluator.mnist/.headrace/result.json"
    record.parent.mkdir()
    record.write_text(json.dumps({"names": ["condition-1/evaluator-2"]}))
    assert run_locally(runs, blessings=["evaluator-2"])["model"]["uri"] == str(digits)

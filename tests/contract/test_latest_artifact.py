"""Contract of latest_artifact: which artifact of the earlier runs it chooses."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headrace_components.contract import task
from headrace_components.latest_artifact.executor import execute
from support.cases import declared
from support.fakes import object_stores
from support.launcher.entry_points import Launcher, Outcome, TaskFailedError

external_state = declared.cache("latest_artifact").external_state

MODEL = {"producer": "trainer", "output": "model"}


def write_model(
    runs: Path, run: str, changed: float, trainer: str = "trainer", metadata: Any = None
) -> Path:
    """Writes the results of a trainer, like the local backend."""
    directory = runs / run / trainer
    model = directory / "model"
    (model / "Format-Serving").mkdir(parents=True)
    file = model / "Format-Serving/saved_model.pb"
    file.write_text(run)
    os.utime(file, (changed, changed))
    if metadata is not None:
        result = {"artifacts": {"model": [{"type": "tfx.Model", "metadata": metadata}]}}
        (directory / ".headrace").mkdir()
        (directory / ".headrace/result.json").write_text(json.dumps(result))
    return model


def run_locally(runs: Path, **parameters: Any) -> dict[str, Any]:
    """Runs the component as the local backend does, in a hidden directory of run `now`."""
    partial = runs / "now/.latest-artifact.1234.partial"
    partial.mkdir(parents=True, exist_ok=True)
    (runs / "now/run.json").write_text("{}")
    output = {"name": "artifact", "uri": str(partial / "artifact"), "metadata": {}}
    message = {
        "inputs": {"parameterValues": {**MODEL, **parameters}},
        "outputs": {
            "artifacts": {"artifact": {"artifacts": [output]}},
            "outputFile": str(partial / "output.json"),
        },
    }
    assert task.main("latest_artifact", execute, ["--executor_input", json.dumps(message)]) == 0
    published = json.loads((partial / "output.json").read_text("utf-8"))["artifacts"]
    found: dict[str, Any] = published["artifact"]["artifacts"][0]
    return found


def test_the_newest_wins_whatever_the_names_of_the_runs(tmp_path: Path) -> None:
    write_model(tmp_path, "run-9", 100.0)
    newest = write_model(tmp_path, "run-1", 300.0, metadata={"kind": "wide"})
    write_model(tmp_path, "run-5", 200.0)

    found = run_locally(tmp_path)

    assert found["uri"] == str(newest)
    assert found["metadata"] == {"kind": "wide", "found": 1}
    assert found["type"] == {"schemaTitle": "tfx.Model"}


def test_in_the_first_run_the_output_is_empty(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        found = run_locally(tmp_path)

    assert found["metadata"] == {"found": 0}
    assert "type" not in found
    assert not list(Path(found["uri"]).iterdir())
    assert "has left the output 'model' of task 'trainer'" in caplog.text


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"artifacts": {"model": [3]}}', '{"artifacts": 1}', "\x00", "[" * 9999],
)
def test_a_task_whose_result_is_damaged_is_told_and_passed_over(
    content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = write_model(tmp_path, "run-1", 100.0, metadata={})
    damaged = write_model(tmp_path, "run-2", 200.0, metadata={})
    file = damaged.parent / ".headrace/result.json"
    file.write_text(content, "utf-8")

    with caplog.at_level(logging.WARNING):
        found = run_locally(tmp_path)

    assert found["uri"] == str(whole)
    assert str(file) in caplog.text


def test_what_this_run_made_counts_only_where_that_is_wanted(tmp_path: Path) -> None:
    earlier = write_model(tmp_path, "run-1", 100.0)
    own = write_model(tmp_path, "now", 200.0)

    assert run_locally(tmp_path)["uri"] == str(earlier)
    assert run_locally(tmp_path, include_this_run=True)["uri"] == str(own)


def test_an_unfinished_task_and_an_empty_output_are_passed_over(tmp_path: Path) -> None:
    earlier = write_model(tmp_path, "run-1", 100.0)
    write_model(tmp_path, "run-2", 200.0, trainer=".trainer.12ab.partial")
    (tmp_path / "run-3/trainer/model").mkdir(parents=True)

    assert run_locally(tmp_path)["uri"] == str(earlier)


def test_a_task_in_a_loop_or_a_condition_counts_and_one_of_another_name_does_not(
    tmp_path: Path,
) -> None:
    nested = write_model(tmp_path, "run-1", 100.0, trainer="condition-1/for-loop-2/3/trainer")
    write_model(tmp_path, "run-2", 200.0, trainer="trainer-2")

    assert run_locally(tmp_path)["uri"] == str(nested)


def test_names_may_be_those_of_python(tmp_path: Path) -> None:
    model = write_model(tmp_path, "run-1", 100.0, trainer="big-trainer")

    assert run_locally(tmp_path, producer="big_trainer")["uri"] == str(model)


def test_a_name_that_no_run_has_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_model(tmp_path, "run-1", 100.0, metadata={})

    with caplog.at_level(logging.WARNING):
        found = run_locally(tmp_path, producer="trainr")

    assert found["metadata"] == {"found": 0}
    assert "no run has a task 'trainr'; there are ['trainer']" in caplog.text


def test_another_pipeline_is_searched_when_named(tmp_path: Path) -> None:
    model = write_model(tmp_path / "penguins", "run-1", 100.0)

    assert run_locally(tmp_path / "flights")["metadata"] == {"found": 0}
    found = run_locally(tmp_path / "flights", search_root=str(tmp_path / "penguins"))
    assert found["uri"] == str(model)


def test_on_vertex_only_finished_tasks_of_this_pipelines_jobs_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_MOUNT_ROOT", str(tmp_path))
    jobs = tmp_path / "gcs/bucket/root/4711"
    output = {"artifacts": {"model": {"artifacts": [{"metadata": {"kind": "wide"}}]}}}
    for job, changed in (("flights-20260101000000", 1.0), ("flights-big-20260202000000", 2.0)):
        model = write_model(jobs, job, changed, trainer="trainer_-12")
        (model.parent / "executor_output.json").write_text(json.dumps(output))
    write_model(jobs, "flights-20260103000000", 3.0, trainer="trainer_34")
    uri = "gs://bucket/root/4711/flights-20260303000000/latest-artifact_99/artifact"
    message = {
        "inputs": {"parameterValues": MODEL},
        "outputs": {
            "artifacts": {"artifact": {"artifacts": [{"uri": uri}]}},
            "outputFile": str(tmp_path / "output.json"),
        },
    }

    task.main("latest_artifact", execute, ["--executor_input", json.dumps(message)])

    published = json.loads((tmp_path / "output.json").read_text("utf-8"))["artifacts"]
    (found,) = published["artifact"]["artifacts"]
    assert found["uri"] == "gs://bucket/root/4711/flights-20260101000000/trainer_-12/model"
    assert found["metadata"] == {"kind": "wide", "found": 1}


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    runs = launcher.root / "store/bucket/artifacts/pipeline"
    uuid = "0f2e1c3a-90b1-4a5f-8f0e-9d6c3b2a1f00"
    trainer = "trainer_-12" if launcher.rules == "vertex" else f"trainer/{uuid}"
    model = write_model(runs, "run-0", 1.0, trainer)
    (model.parent / "executor_output.json").write_text("{}")  # Vertex AI's

    # Only Vertex AI mounts the outputs of earlier runs; on Kubeflow the task asks the object store.
    with object_stores.s3() as server:
        object_stores.put(server, runs, "artifacts/pipeline")
        outcome = launcher.run("latest_artifact", MODEL, server)

    artifact = outcome["artifact"]
    assert artifact.metadata["found"] == 1
    assert (artifact.path / "Format-Serving/saved_model.pb").read_text() == "run-0"
    assert (artifact.path == model) == (launcher.rules == "vertex")
    return outcome


def test_what_lies_in_a_mounted_directory_is_copied_on_kubeflow(
    launcher: Launcher, tmp_path: Path
) -> None:
    mounted = tmp_path / "mounted/pipeline"
    write_model(mounted, "7", 1.0, trainer="trainer/0f2e1c3a-90b1-4a5f-8f0e-9d6c3b2a1f00")

    outcome = launcher.run("latest_artifact", {**MODEL, "search_root": str(mounted)})

    assert outcome["artifact"].metadata["found"] == 1
    assert outcome["artifact"].uri.startswith("minio://bucket/")
    assert (outcome["artifact"].path / "Format-Serving/saved_model.pb").read_text() == "7"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"search_root": "/no/such/root"}, "`search_root` is '/no/such/root', but there is no"),
        ({"producer": ""}, "`producer` is '', expected a name. Name a task of the pipeline"),
        ({"output": "trainer/model"}, "`output` is 'trainer/model', expected a name"),
    ],
)
def test_what_cannot_be_searched_for_is_refused(
    launcher: Launcher, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(TaskFailedError, match=f"latest_artifact: {message}"):
        launcher.run("latest_artifact", {**MODEL, **parameters})


def test_it_is_never_answered_from_a_cache() -> None:
    assert external_state(MODEL, {}) is None


def test_it_needs_no_tensorflow() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'apache_beam', 'pyarrow', "
        "'kfp'])); import headrace_components.latest_artifact.executor"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_task_may_be_named_as_its_directory_or_as_its_result_says(tmp_path: Path) -> None:
    found = write_model(tmp_path, "run-1", 100.0, "Trainer.flax_2", metadata={})
    file = found.parent / ".headrace/result.json"
    result = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**result, "names": ["condition-1/trainer-3", "Trainer.flax_2"]}))
    write_model(tmp_path, "run-2", 200.0, "Trainer", metadata={})

    for name in ("Trainer.flax_2", "trainer-3", "trainer_3"):
        assert run_locally(tmp_path, producer=name)["uri"] == str(found)
    for name in ("Trainer.flax", "flax_2", "3"):
        assert run_locally(tmp_path, producer=name)["metadata"] == {"found": 0}


def test_the_newest_of_several_outputs_wins(tmp_path: Path) -> None:
    write_model(tmp_path, "run-1", 100.0)
    newest = write_model(tmp_path, "run-2", 200.0, "Trainer.other")
    write_model(tmp_path, "run-3", 300.0, "unrelated")

    found = run_locally(tmp_path, alternatives=["Trainer.other/model", "nobody/model"])

    assert found["uri"] == str(newest)


def test_nothing_is_found_before_all_that_belongs_together_is_there(tmp_path: Path) -> None:
    model = write_model(tmp_path, "run-1", 100.0)

    wanted = {"together_with": [["other/model", "third/model"]]}
    assert run_locally(tmp_path, **wanted)["metadata"] == {"found": 0}
    write_model(tmp_path, "now", 200.0, "third")
    assert run_locally(tmp_path, **wanted)["metadata"] == {"found": 0}
    write_model(tmp_path, "run-0", 50.0, "third")
    assert run_locally(tmp_path, **wanted)["uri"] == str(model)


@pytest.mark.parametrize(
    "parameters",
    [
        {"alternatives": ["trainer"]},
        {"alternatives": ["/model"]},
        {"together_with": [["trainer/model/x"]]},
        {"together_with": [["trainer/"]]},
    ],
)
def test_an_output_is_named_with_its_task(parameters: dict[str, Any], launcher: Launcher) -> None:
    with pytest.raises(TaskFailedError, match="Write it as 'trainer/model'"):
        launcher.run("latest_artifact", parameters={**MODEL, **parameters})

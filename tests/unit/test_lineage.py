"""Lineage: the records in a real ML Metadata store, and their names."""

import json
import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as pb

from headrace.lineage.local_store.connection import (
    connection_config,
    default_url,
)
from headrace.lineage.local_store.reader import StoreLineage
from headrace.lineage.local_store.writer import ArtifactRecord, LineageStore


def examples(uri: str, **metadata: Any) -> ArtifactRecord:
    return ArtifactRecord(
        uri=uri,
        type="tfx.Examples",
        metadata={"span": 3, "version": 0, "split_names": '["train"]', **metadata},
    )


def mlmd(root: Path) -> Any:
    return MetadataStore(connection_config(root / "metadata.sqlite"))


@pytest.fixture
def store(tmp_path: Path) -> LineageStore:
    return LineageStore(default_url(tmp_path))


def run_task(
    store: LineageStore,
    run_id: str,
    task: str = "gen",
    component: str = "csv_example_gen",
    *,
    state: Any = "complete",
    inputs: dict[str, list[ArtifactRecord]] | None = None,
    outputs: dict[str, list[ArtifactRecord]] | None = None,
    parameters: dict[str, Any] | None = None,
) -> tuple[int, dict[str, list[int]]]:
    execution = store.begin_execution(run_id, task, component, parameters or {}, inputs or {})
    return execution, store.finish_execution(execution, state, outputs or {})


def test_an_execution_is_filed_under_the_names_that_tfx_uses(
    tmp_path: Path, store: LineageStore
) -> None:
    store.begin_run("flights", "run-1", {"train_steps": 10})
    parameters = {"steps": 10, "rate": 0.5, "module_file": "m.py", "config": {"a": [1]}, "no": None}
    execution_id, _ = run_task(
        store,
        "run-1",
        "train",
        "trainer",
        parameters=parameters,
        inputs={"examples": [examples("/a"), examples("/b")]},
        outputs={"model": [ArtifactRecord(uri="/m", type="tfx.Model", metadata={"note": "x"})]},
    )

    raw = mlmd(tmp_path)
    (execution,) = raw.get_executions_by_type("tfx.components.trainer.component.Trainer")
    assert execution.id == execution_id
    assert execution.last_known_state == pb.Execution.COMPLETE
    assert {
        name: value.WhichOneof("value") for name, value in execution.custom_properties.items()
    } == {
        "steps": "int_value",
        "rate": "double_value",
        "module_file": "string_value",
        "config": "string_value",
    }
    assert {c.type: c.name for c in raw.get_contexts_by_execution(execution_id)} == {
        "pipeline": "flights",
        "pipeline_run": "run-1",
        "node": "flights.train",
    }
    run = raw.get_context_by_type_and_name("pipeline_run", "run-1")
    assert [parent.name for parent in raw.get_parent_contexts_by_context(run.id)] == ["flights"]
    assert raw.get_execution_type("tfx.components.trainer.component.Trainer").base_type == (
        pb.ExecutionType.TRAIN
    )
    events = raw.get_events_by_execution_ids([execution_id])
    steps = {
        (pb.Event.Type.Name(e.type), e.path.steps[0].key, e.path.steps[1].index) for e in events
    }
    assert steps == {("INPUT", "examples", 0), ("INPUT", "examples", 1), ("OUTPUT", "model", 0)}


def test_an_artifact_has_the_type_and_the_properties_that_tfx_declares(
    tmp_path: Path, store: LineageStore
) -> None:
    store.begin_run("flights", "run-1", {})
    run_task(store, "run-1", outputs={"examples": [examples("/e", input_fingerprint="f")]})

    raw = mlmd(tmp_path)
    (artifact,) = raw.get_artifacts_by_type("Examples")
    assert (artifact.uri, artifact.state) == ("/e", pb.Artifact.LIVE)
    assert artifact.name == "flights:run-1:gen:examples:0"
    assert artifact.properties["span"].int_value == 3
    assert artifact.custom_properties["span"].int_value == 3
    assert artifact.properties["split_names"].string_value == '["train"]'
    assert artifact.custom_properties["input_fingerprint"].string_value == "f"
    # Without it TFX would look for directories named `train` instead of `Split-train`.
    assert artifact.custom_properties["tfx_version"].string_value >= "0.29"
    declared = raw.get_artifact_type("Examples")
    assert dict(declared.properties) == {
        "span": pb.INT,
        "version": pb.INT,
        "split_names": pb.STRING,
    }
    assert declared.base_type == pb.ArtifactType.DATASET


def test_the_ids_of_a_blessing_are_integers_as_tfx_s_resolver_compares_them(
    tmp_path: Path, store: LineageStore
) -> None:
    verdict = {"blessed": 1, "current_model": "/m", "current_model_id": "7"}
    elsewhere = {"baseline_model_id": "projects/1/artifacts/8"}
    store.begin_run("flights", "run-1", {})
    blessing = ArtifactRecord(uri="/b", type="tfx.ModelBlessing", metadata={**verdict, **elsewhere})
    run_task(store, "run-1", "eval", "evaluator", outputs={"blessing": [blessing]})

    (artifact,) = mlmd(tmp_path).get_artifacts_by_type("ModelBlessing")
    assert artifact.custom_properties["current_model_id"].int_value == 7
    assert artifact.custom_properties["baseline_model_id"].string_value == "projects/1/artifacts/8"


def test_a_type_that_is_not_tfx_s_keeps_its_name(tmp_path: Path, store: LineageStore) -> None:
    store.begin_run("p", "r", {})
    outputs = {"data": [ArtifactRecord(uri="/d", type="system.Dataset", metadata={})]}
    run_task(store, "r", "mine", "my-own", outputs=outputs)

    assert [a.uri for a in mlmd(tmp_path).get_artifacts_by_type("system.Dataset")] == ["/d"]
    assert len(mlmd(tmp_path).get_executions_by_type("my-own")) == 1


def test_a_cached_execution_points_to_the_artifacts_of_the_earlier_one(
    tmp_path: Path, store: LineageStore
) -> None:
    store.begin_run("p", "first", {})
    _, ids = run_task(store, "first", outputs={"examples": [examples("/e")]})
    store.begin_run("p", "second", {})
    cached, again = run_task(
        store, "second", state="cached", outputs={"examples": [examples("/e", span=9)]}
    )

    raw = mlmd(tmp_path)
    assert again == ids
    assert len(raw.get_artifacts()) == 1
    assert raw.get_artifacts()[0].properties["span"].int_value == 3
    assert raw.get_executions_by_id([cached])[0].last_known_state == pb.Execution.CACHED
    events = raw.get_events_by_artifact_ids(ids["examples"])
    assert [e.type for e in events] == [pb.Event.OUTPUT, pb.Event.OUTPUT]


def test_an_id_of_another_store_does_not_stand_for_an_artifact_of_this_one(
    tmp_path: Path, store: LineageStore
) -> None:
    store.begin_run("p", "r", {})
    _, first = run_task(store, "r", outputs={"examples": [examples("/e")]})
    stranger = ArtifactRecord(
        uri="/other", type="tfx.Examples", metadata={}, id=first["examples"][0]
    )
    _, second = run_task(store, "r", "two", state="cached", outputs={"examples": [stranger]})

    assert second["examples"] != first["examples"]
    assert sorted(a.uri for a in mlmd(tmp_path).get_artifacts()) == ["/e", "/other"]


def test_one_artifact_on_two_ports_has_one_event_with_both_paths(store: LineageStore) -> None:
    store.begin_run("p", "r", {})
    one = examples("/e")
    _, ids = run_task(store, "r", outputs={"a": [one], "b": [examples("/f"), one]})

    assert ids["a"] == [ids["b"][1]]
    (execution,) = StoreLineage(_url(store)).run("r")[1]
    assert {port: [ref.uri for ref in refs] for port, refs in execution.outputs.items()} == {
        "a": ["/e"],
        "b": ["/f", "/e"],
    }


def _url(store: LineageStore) -> str:
    return store._connection.url  # a SQLite URL has no password that must be hidden


def test_what_a_resolver_hands_on_is_still_the_trainer_s_work(
    tmp_path: Path, store: LineageStore
) -> None:
    model = ArtifactRecord(uri="/m", type="tfx.Model", metadata={})
    store.begin_run("p", "r1", {})
    run_task(store, "r1", "train", "trainer", outputs={"model": [model]})
    store.begin_run("p", "r2", {})
    run_task(store, "r2", "latest", "latest_blessed_model", outputs={"model": [model]})

    found = StoreLineage(_url(store)).artifact("/m", tmp_path)
    assert found.producer is not None
    assert (found.producer.task, found.producer.run_id) == ("train", "r1")
    assert [(e.task, e.run_id) for e in found.reused_by] == [("latest", "r2")]


def test_the_way_back_from_a_model_ends_at_the_raw_data(
    tmp_path: Path, store: LineageStore
) -> None:
    model = ArtifactRecord(uri=f"{tmp_path}/p/r/train/model", type="tfx.Model", metadata={})
    schema = ArtifactRecord(uri="/s", type="tfx.Schema", metadata={})
    store.begin_run("p", "r", {})
    run_task(store, "r", "gen", parameters={"input_base": "/data"}, outputs={"x": [examples("/e")]})
    run_task(
        store, "r", "schema", "schema_gen", inputs={"x": [examples("/e")]}, outputs={"s": [schema]}
    )
    run_task(store, "r", "stranger", "statistics_gen", inputs={"x": [examples("/unrelated")]})
    run_task(
        store,
        "r",
        "train",
        "trainer",
        inputs={"examples": [examples("/e")], "schema": [schema]},
        outputs={"model": [model]},
    )

    found = StoreLineage(_url(store)).artifact("p/r/train/model/Format-Serving", tmp_path)
    assert found.uri == model.uri
    assert [e.task for e in found.ancestors] == ["gen", "schema", "train"]
    assert found.ancestors[0].parameters == {"input_base": "/data"}


def test_a_failure_is_recorded_with_its_reason_where_tfx_keeps_it(
    tmp_path: Path, store: LineageStore
) -> None:
    store.begin_run("p", "r", {})
    execution = store.begin_execution("r", "gen", "csv_example_gen", {}, {})
    store.finish_execution(execution, "failed", {}, reason="csv_example_gen: no rows.")
    store.finish_run("r", "failed")

    (raw,) = mlmd(tmp_path).get_executions()
    result = json.loads(raw.custom_properties["__execution_result__"].string_value)
    assert result["resultMessage"] == "csv_example_gen: no rows."
    run, (task,) = StoreLineage(_url(store)).run("r")
    assert (run.state, run.tasks) == ("failed", {"failed": 1})
    assert (task.state, task.reason) == ("failed", "csv_example_gen: no rows.")
    assert task.parameters == {}


def test_a_resumed_run_cancels_what_the_killed_process_left_running(store: LineageStore) -> None:
    store.begin_run("p", "r", {"a": 1})
    store.begin_execution("r", "gen", "csv_example_gen", {}, {})
    store.begin_run("p", "r", {"a": 1})
    run_task(store, "r")
    store.finish_run("r", "complete")

    run, executions = StoreLineage(_url(store)).run("r")
    assert [e.state for e in executions] == ["canceled", "done"]
    assert (run.state, run.parameters) == ("complete", {"a": 1})
    assert len(StoreLineage(_url(store)).runs()) == 1


def test_a_run_whose_process_was_killed_shows_as_interrupted(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from headrace.lineage.local_store.writer import LineageStore\n"
        f"LineageStore({default_url(tmp_path)!r}).begin_run('p', 'r', {{}})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)

    (run,) = StoreLineage(default_url(tmp_path)).runs()
    assert (run.state, run.seconds) == ("interrupted", None)


def test_a_run_of_this_process_shows_as_running(tmp_path: Path, store: LineageStore) -> None:
    store.begin_run("p", "r", {})
    assert [run.state for run in StoreLineage(default_url(tmp_path)).runs()] == ["running"]


def _record_runs(url: str, worker: int) -> None:
    store = LineageStore(url)
    for number in range(5):
        run_id = f"{worker}-{number}"
        store.begin_run("shared", run_id, {})
        for task in ("gen", "stats"):
            uri = f"/{run_id}/{task}"
            run_task(store, run_id, task, outputs={"examples": [examples(uri)]})
        store.finish_run(run_id, "complete")


def test_several_processes_record_in_one_new_file_at_once(tmp_path: Path) -> None:
    url = default_url(tmp_path)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_record_runs, args=(url, number)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    found = StoreLineage(url).runs()
    assert len(found) == 20
    assert {tuple(run.tasks.items()) for run in found} == {(("done", 2),)}
    raw = mlmd(tmp_path)
    assert len(raw.get_contexts_by_type("pipeline")) == 1
    assert len(raw.get_artifacts()) == 40


def test_several_threads_record_through_one_store(store: LineageStore) -> None:
    store.begin_run("p", "r", {})

    def record(number: int) -> None:
        run_task(store, "r", f"t{number}", outputs={"examples": [examples(f"/{number}")]})

    threads = [threading.Thread(target=record, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert StoreLineage(_url(store)).runs()[0].tasks == {"done": 8}


def test_an_integer_that_a_mysql_column_would_not_hold_is_recorded_as_text(
    tmp_path: Path, store: LineageStore
) -> None:
    store.begin_run("p", "r", {})
    run_task(store, "r", parameters={"small": 2**31 - 1, "large": 2**31})
    (execution,) = mlmd(tmp_path).get_executions()
    assert execution.custom_properties["small"].int_value == 2**31 - 1
    assert execution.custom_properties["large"].string_value == str(2**31)

"""`headrace lineage`, as people and programs use it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.main import main
from headrace.lineage.local_store.connection import default_url
from headrace.lineage.local_store.writer import ArtifactRecord, LineageStore

Lineage = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lineage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Lineage:
    def call(*arguments: str, root: Path = tmp_path) -> tuple[int, str, str]:
        code = main(["lineage", "--root", str(root), *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def two_runs(tmp_path: Path) -> None:
    """A run that imports examples and trains, and a run with the examples from the cache."""
    store = LineageStore(default_url(tmp_path))
    uri = f"{tmp_path}/flights/run-1/csv_example_gen/examples"
    rows = ArtifactRecord(uri=uri, type="tfx.Examples", metadata={"span": 0, "split_names": "[]"})
    for run_id, state in (("run-1", "complete"), ("run-2", "cached")):
        store.begin_run("flights", run_id, {"train_steps": 100})
        parameters = {"input_base": "/data/flights"}
        gen = store.begin_execution(run_id, "csv_example_gen", "csv_example_gen", parameters, {})
        store.finish_execution(gen, state, {"examples": [rows]})  # type: ignore[arg-type]
        train = store.begin_execution(run_id, "trainer", "trainer", {}, {"examples": [rows]})
        if run_id == "run-2":
            store.finish_execution(train, "failed", {}, reason="trainer: run_fn raised [KeyError].")
            store.finish_run(run_id, "failed")
            continue
        model = ArtifactRecord(
            uri=f"{tmp_path}/flights/run-1/trainer/model", type="tfx.Model", metadata={}
        )
        store.finish_execution(train, "complete", {"model": [model]})
        store.finish_run(run_id, "complete")


@pytest.mark.usefixtures("two_runs")
def test_runs_are_listed_newest_first(lineage: Lineage) -> None:
    code, out, _ = lineage("runs")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["run", "pipeline", "state", "started", "seconds", "tasks"]
    assert lines[1].startswith("run-2  flights   failed")
    assert lines[1].rstrip().endswith("1 cached, 1 failed")
    assert lines[2].startswith("run-1  flights   complete")


@pytest.mark.usefixtures("two_runs")
def test_the_json_of_runs_has_the_documented_fields(lineage: Lineage) -> None:
    _, out, _ = lineage("runs", "--json")
    newest = json.loads(out)[0]
    assert list(newest) == [
        "run_id",
        "pipeline",
        "state",
        "started",
        "seconds",
        "tasks",
        "parameters",
    ]
    assert newest["tasks"] == {"cached": 1, "failed": 1}
    assert newest["parameters"] == {"train_steps": 100}


@pytest.mark.usefixtures("two_runs")
def test_a_run_shows_its_tasks_with_short_uris_and_reasons(lineage: Lineage) -> None:
    code, out, _ = lineage("run", "run-2")
    assert code == 0
    assert "csv_example_gen  cached" in out
    assert "in   examples  flights/run-1/csv_example_gen/examples Examples" in out
    assert out.splitlines()[-1] == "  trainer: run_fn raised [KeyError]."
    assert "input_base" not in out


@pytest.mark.usefixtures("two_runs")
def test_parameters_are_shown_on_demand(lineage: Lineage) -> None:
    _, out, _ = lineage("run", "run-1", "--parameters")
    assert "  train_steps = 100" in out
    assert "  input_base = /data/flights" in out


@pytest.mark.usefixtures("two_runs")
def test_the_json_of_a_run_holds_its_executions(lineage: Lineage) -> None:
    _, out, _ = lineage("run", "run-2", "--json")
    run = json.loads(out)
    assert [(e["task"], e["state"]) for e in run["executions"]] == [
        ("csv_example_gen", "cached"),
        ("trainer", "failed"),
    ]
    assert run["executions"][1]["reason"] == "trainer: run_fn raised [KeyError]."
    assert run["executions"][1]["inputs"]["examples"][0]["type"] == "Examples"


@pytest.mark.usefixtures("two_runs")
def test_an_artifact_shows_the_way_back_to_the_raw_data(lineage: Lineage) -> None:
    code, out, _ = lineage("artifact", "flights/run-1/trainer/model")
    assert code == 0
    assert "Made by  trainer of run run-1 (done)" in out
    assert "csv_example_gen of run run-1 (done)  from input_base = /data/flights" in out


@pytest.mark.usefixtures("two_runs")
def test_an_artifact_shows_who_used_it(lineage: Lineage) -> None:
    _, out, _ = lineage("artifact", "1", "--json")
    artifact = json.loads(out)
    assert artifact["metadata"]["split_names"] == "[]"
    assert [e["run_id"] for e in artifact["consumers"]] == ["run-1", "run-2"]
    assert [e["run_id"] for e in artifact["reused_by"]] == ["run-2"]
    assert [e["task"] for e in artifact["ancestors"]] == ["csv_example_gen"]


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "run-3"), "there is no run 'run-3'; the store has 2. The nearest is 'run-2'."),
        (
            ("artifact", "flights/run-1/trainer/modle"),
            "The nearest is 'flights/run-1/trainer/model'.",
        ),
        (("artifact", "/elsewhere"), "there is no artifact '/elsewhere'; the store has 2."),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(
    lineage: Lineage, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = lineage(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_a_root_without_runs_is_an_error_of_the_caller(lineage: Lineage, tmp_path: Path) -> None:
    code, _, err = lineage("runs", root=tmp_path / "nothing")
    assert code == 2
    assert f"there is no metadata store at {tmp_path}/nothing/metadata.sqlite" in err


def test_a_store_without_runs_says_so(lineage: Lineage, tmp_path: Path) -> None:
    LineageStore(default_url(tmp_path))
    assert lineage("runs") == (0, "No runs yet.\n", "")
    assert lineage("runs", "--json")[1] == "[]\n"


def test_a_store_may_be_named_by_its_url(lineage: Lineage, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/other/metadata.db"
    LineageStore(url).begin_run("p", "elsewhere", {})
    code, out, _ = lineage("--metadata", url, "runs")
    assert code == 0
    assert "elsewhere" in out


def test_a_task_read_twice_on_the_way_back_is_shown_once(lineage: Lineage, tmp_path: Path) -> None:
    def record(name: str, kind: str) -> ArtifactRecord:
        return ArtifactRecord(uri=f"/{name}", type=f"tfx.{kind}", metadata={})

    rows, schema, model = record("e", "Examples"), record("s", "Schema"), record("m", "Model")
    store = LineageStore(default_url(tmp_path))
    store.begin_run("p", "r", {})
    tasks: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("gen", "csv_example_gen", {}, {"examples": [rows]}),
        ("schema", "schema_gen", {"examples": [rows]}, {"schema": [schema]}),
        ("train", "trainer", {"examples": [rows], "schema": [schema]}, {"model": [model]}),
    ]
    for task, component, inputs, outputs in tasks:
        execution = store.begin_execution("r", task, component, {}, inputs)
        store.finish_execution(execution, "complete", outputs)

    _, out, _ = lineage("artifact", "/m")
    assert out.count("gen of run r (done) (above)") == 1
    assert out.count("schema of run r") == 1


def test_an_importer_that_takes_a_model_for_another_type_leaves_its_maker(
    lineage: Lineage, tmp_path: Path
) -> None:
    def record(name: str, kind: str) -> ArtifactRecord:
        return ArtifactRecord(uri=f"/{name}", type=kind, metadata={})

    store = LineageStore(default_url(tmp_path))
    store.begin_run("p", "r", {})
    rows, model = record("e", "tfx.Examples"), record("m", "tfx.Model")
    imported, verdict = record("m", "system.Model"), record("b", "tfx.ModelBlessing")
    tasks: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("gen", "csv_example_gen", {}, {"examples": [rows]}),
        ("train", "trainer", {"examples": [rows]}, {"model": [model]}),
        ("importer", "importer", {}, {"artifact": [imported]}),
        ("judge", "evaluator", {"model": [imported]}, {"blessing": [verdict]}),
    ]
    for task, component, inputs, outputs in tasks:
        execution = store.begin_execution("r", task, component, {}, inputs)
        store.finish_execution(execution, "complete", outputs)

    found = json.loads(lineage("artifact", "/m", "--json")[1])

    assert (found["type"], found["producer"]["task"]) == ("Model", "train")
    assert [each["task"] for each in found["reused_by"]] == ["importer"]
    blessing = json.loads(lineage("artifact", "/b", "--json")[1])
    assert [each["task"] for each in blessing["ancestors"]] == ["gen", "train", "judge"]


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("latest", "run-2"),
        ("latest-failed", "run-2"),
        ("flights/latest-succeeded", "run-1"),
        ("run-1", "run-1"),
    ],
)
def test_a_run_is_named_as_in_other_commands(lineage: Lineage, name: str, run: str) -> None:
    assert json.loads(lineage("run", name, "--json")[1])["run_id"] == run


@pytest.mark.usefixtures("two_runs")
def test_the_beginning_of_several_runs_lists_them(lineage: Lineage) -> None:
    code, _, err = lineage("run", "run")

    assert code == 2
    assert "'run' is the beginning of 2 runs: run-2, run-1. Write more of the ID." in err

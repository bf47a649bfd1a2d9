# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""Tasks that come from the cache, and tasks that run again, with both runners."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from kfp import dsl

from headrace.targets.local import engine
from headrace.targets.local.shared.observer import Silence
from headrace.targets.local.shared.options import Options
from headrace.targets.local.shared.results import RunResult
from headrace_components.artifacts import Examples, Model
from headrace_components.catalog import csv_example_gen, filter_examples, import_schema_gen, pusher
from headrace_components.library.data.examples import ExamplesReader, ExamplesWriter
from support.cases.local_pipelines import compiled, fails, read, run_pipeline, step
from support.fakes import object_stores


@pytest.fixture(autouse=True)
def _journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal.txt"))


@dsl.pipeline(name="cached")
def cached(value: str, other: str):
    first = step(name="first", value=value)
    read(name="second", item=first.outputs["out"])
    step(name="third", value=other)
    step(name="always").set_caching_options(False)


def test_a_second_run_is_answered_from_the_cache(tmp_path: Path) -> None:
    first = run_pipeline(cached, tmp_path, value="a", other="b")
    second = run_pipeline(cached, tmp_path, value="a", other="b")
    changed = run_pipeline(cached, tmp_path, value="a", other="c")
    uncached = run_pipeline(cached, tmp_path, use_cache=False, value="a", other="b")

    assert second.journal == ["always "]
    assert second.states == {
        "step": "cached",
        "read": "cached",
        "step-2": "cached",
        "step-3": "done",
    }
    assert sorted(changed.journal) == ["always ", "third c"]
    assert sorted(uncached.journal) == sorted(first.journal)


def test_a_run_without_cache_renews_it(tmp_path: Path) -> None:
    run_pipeline(cached, tmp_path, value="a", other="b")
    renewed = run_pipeline(cached, tmp_path, use_cache=False, value="a", other="b")
    third = run_pipeline(cached, tmp_path, value="a", other="b")

    assert artifact_uri(third.result, "step") == artifact_uri(renewed.result, "step")


def artifact_uri(result: RunResult, task: str) -> str:
    (outcome,) = [outcome for outcome in result.tasks if outcome.name == task]
    return outcome.artifacts["out"][0].uri


def test_a_result_whose_files_are_gone_is_made_again(tmp_path: Path) -> None:
    first = run_pipeline(cached, tmp_path, value="a", other="b")
    uri = Path(artifact_uri(first.result, "step"))
    uri.rename(uri.with_name("elsewhere"))

    second = run_pipeline(cached, tmp_path, value="a", other="b")

    assert {"first a", "second a"} <= set(second.journal)
    assert second.states["step-2"] == "cached"


def change(file: Path) -> None:
    file.write_text("another", "utf-8")


def add(file: Path) -> None:
    file.with_name("added.txt").touch()


@pytest.mark.parametrize("meddle", [Path.unlink, change, add])
def test_a_result_whose_files_are_not_as_they_were_left_is_made_again(
    meddle: Callable[[Path], None], tmp_path: Path
) -> None:
    first = run_pipeline(cached, tmp_path, value="a", other="b")
    meddle(Path(artifact_uri(first.result, "step"), "value.txt"))

    second = run_pipeline(cached, tmp_path, value="a", other="b")

    assert {"first a", "second a"} <= set(second.journal)
    assert second.states["step-2"] == "cached"


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"parameters": 1, "artifacts": []}', "\x00\xff", "[" * 100_000],
)
def test_a_damaged_entry_of_the_cache_is_told_and_made_again(content: str, tmp_path: Path) -> None:
    run_pipeline(cached, tmp_path, value="a", other="b")
    for file in (tmp_path / ".cache").iterdir():
        file.write_bytes(content.encode("latin-1"))
    told = Told()

    again = engine.start(
        compiled(cached),
        parameters={"value": "a", "other": "b"},
        options=Options(root=tmp_path),
        observer=told,
    )

    assert {task.state for task in again.tasks} == {"done"}
    # The task that read the first task's output has another key now.
    assert sum(".json is damaged" in line for line in told.lines) == 2
    third = run_pipeline(cached, tmp_path, value="a", other="b")
    assert third.journal == ["always "]


class Told(Silence):
    """Keeps the lines that a run prints."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


def test_a_failure_is_not_cached_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    @dsl.pipeline(name="bad")
    def bad():
        fails(name="bad")

    for _ in range(2):
        ran = run_pipeline(bad, tmp_path)

        assert ran.journal == ["bad"]
        assert [path.name for path in ran.result.directory.iterdir() if path.is_dir()] == ["logs"]


@dsl.pipeline(name="ten")
def ten():
    before = step(name="0", value="x")
    for index in range(1, 10):
        before = step(name=str(index), value=before.outputs["text"])


def test_a_cached_run_starts_no_process(tmp_path: Path) -> None:
    run_pipeline(ten, tmp_path)

    second = run_pipeline(ten, tmp_path)

    assert set(second.states.values()) == {"cached"}
    assert not list(second.result.logs.glob("*.log"))


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    file = tmp_path / "schema.pbtxt"
    file.write_text('feature { name: "fare" type: FLOAT }\n', "utf-8")
    return file


@pytest.mark.parametrize("runner", ["worker", "process"])
def test_a_component_of_headrace_runs_through_either_runner(
    runner: Any, schema: Path, tmp_path: Path
) -> None:
    result = engine.start(
        compiled(imported_schema),
        parameters={"schema_file": str(schema)},
        options=Options(root=tmp_path / "root", runner=runner),
    )

    assert result.state == "succeeded"
    (artifact,) = result.tasks[0].artifacts["schema"]
    assert artifact.uri == str(result.directory / "import-schema-gen/schema")
    assert Path(artifact.uri, "schema.pbtxt").read_bytes() == schema.read_bytes()


@pytest.mark.parametrize("runner", ["worker", "process"])
def test_a_mistake_of_the_author_is_told_in_one_line_and_not_tried_again(
    runner: Any, tmp_path: Path
) -> None:
    result = engine.start(
        compiled(imported_schema),
        parameters={"schema_file": "/gone.pbtxt"},
        options=Options(root=tmp_path / "root", runner=runner),
    )

    (failure,) = result.failures
    assert failure.kind == "input"
    assert failure.message.startswith("import_schema_gen: `schema_file` is '/gone.pbtxt'")
    assert failure.log is not None
    log = failure.log.read_text("utf-8")
    assert log.count("`schema_file` is '/gone.pbtxt'") == 1
    assert "Traceback" not in log


@dsl.pipeline(name="imported-schema")
def imported_schema(schema_file: str):
    import_schema_gen(schema_file=schema_file).set_retry(3, backoff_duration="0s")


def test_a_changed_file_that_a_component_reads_is_read_again(schema: Path, tmp_path: Path) -> None:
    def states() -> list[str]:
        result = engine.start(
            compiled(imported_schema),
            parameters={"schema_file": str(schema)},
            options=Options(root=tmp_path / "root"),
        )
        return [task.state for task in result.tasks]

    assert [states(), states()] == [["done"], ["cached"]]
    schema.write_text('feature { name: "distance" type: INT }\n', "utf-8")
    assert states() == ["done"]
    before = schema.stat()
    schema.write_text('feature { name: "distant2" type: INT }\n', "utf-8")
    os.utime(schema, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert schema.stat().st_size == before.st_size
    assert states() == ["done"]


def test_objects_behind_a_uri_are_read_again_when_they_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dsl.pipeline(name="behind")
    def behind() -> None:
        csv_example_gen(input_base=f"s3://{object_stores.BUCKET}/rides")

    with object_stores.s3() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        store = object_stores.store(variables)
        states = []
        for rows in ("1\n2\n3\n4\n", "", "1\n2\n3\n5\n", ""):
            if rows:  # the same number of bytes each time
                with store.open_output_stream(f"{object_stores.BUCKET}/rides/a.csv") as file:
                    file.write(f"miles\n{rows}".encode())
            states.append(run_pipeline(behind, tmp_path).states["csv-example-gen"])

    assert states == ["done", "cached", "done", "cached"]


def test_a_component_of_headrace_is_the_same_like_every_backend(
    schema: Path, tmp_path: Path
) -> None:
    pipeline = compiled(imported_schema)
    first = run_pipeline(pipeline, tmp_path, schema_file=str(schema))
    second = run_pipeline(pipeline, tmp_path, like="vertex", schema_file=str(schema))

    assert set(first.states.values()) == {"done"}
    assert set(second.states.values()) == {"cached"}


@dsl.pipeline(name="pushed")
def pushed(model: str, serving_dir: str):
    imported = dsl.importer(artifact_uri=model, artifact_class=Model, reimport=False)
    pusher(model=imported.output, base_directory=serving_dir)


def test_a_model_is_pushed_again_when_another_followed_or_its_version_is_gone(
    tmp_path: Path,
) -> None:
    def push(model: str) -> tuple[str, list[str]]:
        result = engine.start(
            compiled(pushed),
            parameters={"model": str(tmp_path / model), "serving_dir": str(serving)},
            options=Options(root=tmp_path / "root"),
        )
        (state,) = [task.state for task in result.tasks if task.name == "pusher"]
        return state, sorted(path.name for path in serving.iterdir())

    serving = tmp_path / "serving"
    for name in ("mine", "other"):
        (tmp_path / name / "Format-Serving").mkdir(parents=True)
        (tmp_path / name / "Format-Serving/saved_model.pb").write_text(name, "utf-8")

    state, first = push("mine")
    assert state == "done"
    assert push("mine") == ("cached", first)
    state, both = push("other")
    assert (state, len(both)) == ("done", 2)
    state, three = push("mine")
    assert (state, len(three)) == ("done", 3)
    shutil.rmtree(serving / three[-1])
    state, again = push("mine")
    assert (state, len(again)) == ("done", 3)


def test_a_pusher_that_is_killed_before_it_is_done_pushes_no_second_version(
    tmp_path: Path,
) -> None:
    serving = tmp_path / "serving"
    (tmp_path / "mine/Format-Serving").mkdir(parents=True)
    (tmp_path / "mine/Format-Serving/saved_model.pb").write_text("mine", "utf-8")
    result = engine.start(
        compiled(pushed),
        parameters={"model": str(tmp_path / "mine"), "serving_dir": str(serving)},
        options=Options(root=tmp_path / "root", use_cache=False),
    )
    (version,) = serving.iterdir()
    # The state after a kill that follows the push: the task's directory does not have its name yet.
    done = result.directory / "pusher"
    done.rename(done.with_name(".pusher.0123abcd.partial"))

    again = engine.resume(result.run_id, root=tmp_path / "root")

    assert again.state == "succeeded", again.failures
    assert list(serving.iterdir()) == [version]
    assert again.pushed_models == (str(version),)


@dsl.pipeline(name="filtered")
def filtered(examples: str):
    imported = dsl.importer(artifact_uri=examples, artifact_class=Examples, reimport=False)
    filter_examples(examples=imported.output, filter_fn="acme.filters.wanted")


def test_a_function_of_a_package_is_called_again_when_its_package_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExamplesWriter(tmp_path / "examples", "train") as writer:
        column = pa.array([[1], [2], [3]], pa.large_list(pa.int64()))
        writer.write(pa.RecordBatch.from_arrays([column], ["n"]))
    package = tmp_path / "site/acme"
    package.mkdir(parents=True)
    (package / "filters.py").write_text(
        "from acme.limits import LEAST\ndef wanted(record):\n    return record[-1] >= LEAST\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    def run(least: int) -> tuple[str, int]:
        (package / "limits.py").write_text(f"LEAST = {least}\n")
        result = engine.start(
            compiled(filtered),
            parameters={"examples": str(tmp_path / "examples")},
            options=Options(root=tmp_path / "root"),
        )
        (task,) = [task for task in result.tasks if task.name == "filter-examples"]
        kept = ExamplesReader(Path(task.artifacts["filtered_examples"][0].uri), "test")
        return task.state, kept.num_rows("train")

    assert [run(2), run(2), run(3), run(2)] == [
        ("done", 2),
        ("cached", 2),
        ("done", 1),
        ("cached", 2),
    ]

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""What `headrace why` says of tasks that ran, and of those that did not."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

import headrace
from headrace.cli.main import main
from headrace.contract.explanations import Explanation
from headrace.targets.local import explaining
from headrace.targets.local.records.listing import find_run
from headrace.targets.local.shared.results import RunResult
from headrace_components.contract.errors import InputError
from support.cases.edit_loop import edit, write_project
from support.cases.local_pipelines import read


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    return write_project(tmp_path / "my project")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "a root"


def why(result: RunResult, task: str, root: Path) -> Explanation:
    return explaining.explain(find_run(root, result.run_id), task)


def test_a_first_run_says_that_there_is_nothing_to_compare_with(pipeline: Path, root: Path) -> None:
    found = why(headrace.run(pipeline, root=root), "train", root)

    assert found.state == "done"
    assert found.text == "ran: the cache has nothing of it, and no earlier run is left"


def test_a_task_that_ran_names_the_functions_the_parameters_and_the_inputs_that_changed(
    pipeline: Path, root: Path
) -> None:
    first = headrace.run(pipeline, root=root)
    edit(pipeline.with_name("module.py"), "return rate", "return rate * 2")
    trained = headrace.run(pipeline, root=root, parameters={"rate": 0.7})
    edit(pipeline.with_name("module.py"), "SCALE = 1", "SCALE = 3")
    scaled = headrace.run(pipeline, root=root, parameters={"rate": 0.7})

    changes = why(trained, "train", root).changes
    assert [(each.kind, each.name) for each in changes] == [
        ("code", "module.py: _loss"),
        ("parameter", "rate"),
    ]
    assert changes[1].text == "0.5 -> 0.7"
    assert why(trained, "train", root).by == first.run_id
    (change,) = why(scaled, "for-loop-2/0/train-2", root).changes
    assert (change.kind, change.name, change.text) == ("input", "table", "prepare made it again")
    assert change.because is not None
    assert [each.name for each in change.because.changes] == ["module.py: SCALE"]


def test_the_execution_with_the_fewest_differences_is_the_one_to_compare_with(
    pipeline: Path, root: Path
) -> None:
    first = headrace.run(pipeline, root=root, parameters={"rate": 0.1})
    headrace.run(pipeline, root=root, parameters={"rate": 0.2, "scale": 5})
    third = headrace.run(pipeline, root=root, parameters={"rate": 0.3})

    found = why(third, "train", root)
    assert found.by == first.run_id
    assert [(each.name, each.text) for each in found.changes] == [("rate", "0.1 -> 0.3")]


def test_a_task_from_the_cache_names_the_run_that_made_it_also_through_another_one(
    pipeline: Path, root: Path
) -> None:
    first = headrace.run(pipeline, root=root)
    headrace.run(pipeline, root=root)
    third = headrace.run(pipeline, root=root)

    found = why(third, "train", root)
    assert (found.state, found.by, found.changes) == ("cached", first.run_id, ())
    assert f"was answered by the run {first.run_id}" in found.text


def without_cache(pipeline: Path, root: Path) -> RunResult:
    return headrace.run(pipeline, root=root, use_cache=False)


def refused(pipeline: Path, root: Path) -> RunResult:
    edit(
        pipeline,
        'train(table=table.outputs["table"], rate=rate)',
        'train(table=table.outputs["table"], rate=rate).set_caching_options(False)',
    )
    return headrace.run(pipeline, root=root)


def changed(pipeline: Path, root: Path) -> RunResult:
    (file,) = root.glob("edit-loop/*/train/model/model.txt")
    file.write_text("other", "utf-8")
    return headrace.run(pipeline, root=root)


def damaged(pipeline: Path, root: Path) -> RunResult:
    for file in (root / ".cache").glob("*.json"):
        file.write_text("{", "utf-8")
    return headrace.run(pipeline, root=root)


def deleted(pipeline: Path, root: Path) -> RunResult:
    for file in (root / ".cache").glob("*.json"):
        file.unlink()
    return headrace.run(pipeline, root=root)


@pytest.mark.parametrize(
    ("meddle", "task", "reason"),
    [
        (without_cache, "train", "ran: the run was started with --no-cache"),
        (refused, "train", "ran: the pipeline says that it runs always (set_caching_options)"),
        (changed, "train", "model, which an earlier run made, is no longer as its task left it"),
        (damaged, "prepare", "ran: the result of an earlier run could not be read"),
        (deleted, "prepare", "but the cache no longer has the entry"),
    ],
)
def test_a_task_that_ran_though_nothing_of_it_changed_says_what_else(
    meddle: Any, task: str, reason: str, pipeline: Path, root: Path
) -> None:
    headrace.run(pipeline, root=root)
    found = why(meddle(pipeline, root), task, root)

    assert reason in found.text
    assert {each.kind for each in found.changes} <= {"input"}


def test_failed_and_skipped_tasks_say_that_and_the_next_run_that_they_left_no_result(
    pipeline: Path, root: Path
) -> None:
    module = pipeline.with_name("module.py")
    edit(module, "    Path(table.uri", "    table.forgotten()\n    Path(table.uri")
    failed = headrace.run(pipeline, root=root)
    again = headrace.run(pipeline, root=root)

    assert why(failed, "train", root).text == "was skipped: prepare failed"
    found = why(again, "prepare", root)
    assert found.state == "failed"
    assert "has no property 'forgotten'" in found.text or "forgotten" in found.text
    assert f"it had the same key in the run {failed.run_id}, where it is failed" in found.text


def test_a_resumed_run_says_what_changed_since_its_earlier_attempt(
    pipeline: Path, root: Path
) -> None:
    module = pipeline.with_name("module.py")
    edit(module, "return rate", "return rate.forgotten")
    failed = headrace.run(pipeline, root=root)
    edit(module, "return rate.forgotten", "return rate")
    resumed = headrace.resume(failed.run_id, root=root)

    found = why(resumed, "train", root)
    assert found.text == "ran: it had changed since an earlier attempt at this run"
    assert [each.name for each in found.changes] == ["module.py: _loss"]
    assert why(resumed, "prepare", root).state == "done"


def test_an_imported_artifact_that_changed_says_whether_it_has_other_contents_or_another_place(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dsl.pipeline(name="imported")
    def imported(uri: str):
        rows = dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset)
        read(name="reader", item=rows.output)

    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal.txt"))
    places = [tmp_path / "rows", tmp_path / "others"]
    for place in places:
        place.mkdir()
        (place / "value.txt").write_text("1", "utf-8")
    headrace.run(imported, root=root, parameters={"uri": str(places[0])})
    (places[0] / "value.txt").write_text("22", "utf-8")
    edited = headrace.run(imported, root=root, parameters={"uri": str(places[0])})
    moved = headrace.run(imported, root=root, parameters={"uri": str(places[1])})

    (change,) = why(edited, "read", root).changes
    assert change.text == f"the contents of {places[0]} have changed"
    (change,) = why(moved, "read", root).changes
    assert change.text == f"{places[0]} -> {places[1]}"


def test_the_end_of_a_path_is_enough_for_a_task_if_it_is_clear(pipeline: Path, root: Path) -> None:
    result = headrace.run(pipeline, root=root)

    assert why(result, "1/train-2", root).task == "for-loop-2/1/train-2"
    with pytest.raises(InputError, match=r"'train-2' is the end of 2 tasks of the run"):
        why(result, "train-2", root)


def test_what_is_kept_for_it_is_small_private_and_the_same_for_the_same_run(
    pipeline: Path, root: Path, tmp_path: Path
) -> None:
    headrace.run(pipeline, root=root)
    headrace.run(pipeline, root=tmp_path / "other")
    files = sorted(root.glob("edit-loop/*/logs/.keys/*.json"))
    others = sorted((tmp_path / "other").glob("edit-loop/*/logs/.keys/*.json"))

    assert len(files) == 4
    assert [file.name for file in files] == [file.name for file in others]
    for file, other in zip(files, others, strict=True):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.stat().st_size < 5_000
        one, two = (json.loads(each.read_text("utf-8")) for each in (file, other))
        one["parts"].pop("input", None)
        two["parts"].pop("input", None)
        assert one["parts"] == two["parts"]


def test_the_command_prints_each_task_or_one_of_them_and_json(
    pipeline: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = headrace.run(pipeline, root=root)
    edit(pipeline.with_name("module.py"), "return rate", "return rate * 2")
    second = headrace.run(pipeline, root=root)

    assert main(["why", "latest", "--root", str(root)]) == 0
    printed = capsys.readouterr().out
    assert (
        "train: ran: the cache has no result with the same key (changed: module.py: _loss)"
        in printed.splitlines()
    )
    assert main(["why", second.run_id, "train", "--root", str(root)]) == 0
    assert capsys.readouterr().out == (
        f"In the run {second.run_id}:\n"
        "train ran: the cache has no result with the same key.\n"
        f"  Compared with the run {first.run_id}:\n"
        "  - module.py: _loss has changed\n"
    )
    assert main(["why", second.run_id[:-2], "train", "--root", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == [
        {"kind": "code", "name": "module.py: _loss", "text": "has changed", "because": None}
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["latest", "trainer"], "has no task 'trainer', only ['prepare', 'train', "),
        (["20990101", "train"], "no run '20990101' is under"),
        (["latest", "train", "--root", "nowhere"], "headrace why: "),
    ],
)
def test_what_is_not_there_is_named_with_what_is(
    words: list[str],
    message: str,
    pipeline: Path,
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    headrace.run(pipeline, root=root)

    assert main(["why", "--root", str(root), *words]) == 2
    assert message in capsys.readouterr().err


def test_damaged_reasons_are_as_if_there_were_none(pipeline: Path, root: Path) -> None:
    result = headrace.run(pipeline, root=root)
    for content in ("{", "[]", '{"task": 1}', '{"task": "train", "how": "ran", "parts": {"a": 1}}'):
        for file in root.glob("edit-loop/*/logs/.keys/*.json"):
            file.write_text(content, "utf-8")
        assert why(result, "train", root).text == (
            "ran: an earlier version of Headrace kept no reasons"
        )

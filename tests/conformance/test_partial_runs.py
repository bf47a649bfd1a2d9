"""Runs of a part of a pipeline: what runs, what is taken from an earlier run, what is left out."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False
# mypy: disallow-incomplete-defs=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

import os
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

import headrace
from headrace.lineage.local_store.connection import default_url
from headrace.lineage.local_store.reader import StoreLineage
from headrace_components.contract.errors import InputError
from support.cases.local_pipelines import fails, step


@dsl.pipeline(name="parts")
def parts(value: str = "a"):
    first = step(name="first", value=value).set_display_name("First.one")
    second = step(name="second", value=first.outputs["text"]).set_display_name("Second")
    with dsl.If(second.outputs["text"] != "nothing"):
        third = step(name="third", value=second.outputs["text"]).set_display_name("Third")
        step(name="fourth", value=third.outputs["text"]).set_display_name("Fourth")
    step(name="aside", value=first.outputs["text"]).set_display_name("Aside")


def run(pipeline: Any, root: Path, **more: Any) -> tuple[Any, list[str]]:
    """Returns the result of a run, and what its tasks noted."""
    journal = Path(os.environ["JOURNAL"])
    journal.write_text("", "utf-8")
    result = headrace.run(pipeline, root=root, use_cache=False, **more)
    return result, sorted(journal.read_text("utf-8").splitlines())


def states(result: Any) -> dict[str, str]:
    return {task.name: task.state for task in result.tasks}


def test_what_follows_from_a_node_runs_again_on_the_results_of_the_run_before(
    tmp_path: Path,
) -> None:
    base, _ = run(parts, tmp_path)

    result, journal = run(parts, tmp_path, from_nodes=["Second"], parameters={"value": "new"})

    assert result.state == "succeeded"
    # The first task keeps the value that it had.
    assert journal == ["fourth a", "second a", "third a"]
    assert states(result) == {
        "First.one": "cached",
        "Second": "done",
        "Third": "done",
        "Fourth": "done",
        "Aside": "skipped",
    }
    reasons = {task.name: task.reason for task in result.tasks}
    assert reasons["First.one"] == f"taken from the run {base.run_id}"
    assert reasons["Aside"] == "it is not in the part that runs"
    _, executions = StoreLineage(default_url(tmp_path)).run(result.run_id)
    assert {each.task: each.state for each in executions} == {
        "First.one": "cached",
        "Second": "done",
        "Third": "done",
        "Fourth": "done",
    }


def test_what_a_node_needs_runs_and_nothing_else(tmp_path: Path) -> None:
    result, journal = run(parts, tmp_path, to_nodes=["Third"])

    assert journal == ["first a", "second a", "third a"]
    assert states(result)["Fourth"] == states(result)["Aside"] == "skipped"


def test_both_ends_bound_a_part_also_inside_a_condition(tmp_path: Path) -> None:
    run(parts, tmp_path)

    result, journal = run(parts, tmp_path, from_nodes=["Third"], to_nodes=["Third"])

    assert journal == ["third a"]
    assert states(result)["Second"] == "cached"
    # A part is the base of another one.
    _, again = run(parts, tmp_path, from_nodes=["Fourth"], base_run=result.run_id)
    assert again == ["fourth a"]


def test_a_named_run_is_the_base_in_place_of_the_latest(tmp_path: Path) -> None:
    old, _ = run(parts, tmp_path, parameters={"value": "old"})
    run(parts, tmp_path, parameters={"value": "newer"})

    _, latest = run(parts, tmp_path, from_nodes=["Aside"])
    _, named = run(parts, tmp_path, from_nodes=["step_5", "Second"], base_run=old.run_id)

    assert latest == ["aside newer"]
    assert named == ["aside old", "fourth old", "second old", "third old"]


def test_a_run_that_lacks_results_gives_way_to_one_that_has_them(tmp_path: Path) -> None:
    @dsl.pipeline(name="parts")
    def broken(value: str = "a"):
        first = fails(name=value).set_display_name("First.one")
        step(name="second", value=first.outputs["text"]).set_display_name("Second")

    run(parts, tmp_path)
    failed, _ = run(broken, tmp_path)
    assert failed.state == "failed"

    _, journal = run(parts, tmp_path, from_nodes=["Aside"])

    assert journal == ["aside a"]
    with pytest.raises(InputError, match=rf"{failed.run_id} has no results of \['First.one'\]"):
        run(parts, tmp_path, from_nodes=["Aside"], base_run=failed.run_id)


def test_a_failed_part_is_resumed_as_that_part(tmp_path: Path) -> None:
    @dsl.pipeline(name="parts")
    def breaking(value: str = "a"):
        first = step(name="first", value=value).set_display_name("First.one")
        second = fails(name=first.outputs["text"]).set_display_name("Second")
        step(name="third", value=second.outputs["text"]).set_display_name("Third")
        step(name="aside", value=first.outputs["text"]).set_display_name("Aside")

    @dsl.pipeline(name="parts")
    def mended(value: str = "a"):
        first = step(name="first", value=value).set_display_name("First.one")
        second = step(name="second", value=first.outputs["text"]).set_display_name("Second")
        step(name="third", value=second.outputs["text"]).set_display_name("Third")
        step(name="aside", value=first.outputs["text"]).set_display_name("Aside")

    run(parts, tmp_path)
    broken, _ = run(breaking, tmp_path, from_nodes=["Second"])
    assert broken.state == "failed"
    Path(os.environ["JOURNAL"]).write_text("", "utf-8")

    result = headrace.resume(broken.run_id, pipeline=mended, root=tmp_path)

    assert result.state == "succeeded"
    journal = Path(os.environ["JOURNAL"]).read_text("utf-8").splitlines()
    assert sorted(journal) == ["second a", "third a"]
    assert states(result)["Aside"] == "skipped"


def test_the_artifacts_of_the_earlier_run_are_inputs_and_must_be_whole(tmp_path: Path) -> None:
    @dsl.pipeline(name="data")
    def data():
        made = dsl.importer(str(tmp_path / "file"), dsl.Dataset)
        step(name="before").set_display_name("Before")
        del made

    (tmp_path / "file").write_text("x")
    run(data, tmp_path)
    result, journal = run(data, tmp_path, to_nodes=["importer"])
    assert journal == []
    assert states(result) == {"importer": "done", "Before": "skipped"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"from_nodes": ["Secnd"]}, "`from_nodes` names 'Secnd', which is the name of no task"),
        ({"to_nodes": [""]}, "`to_nodes` names '', which is the name of no task"),
        ({"from_nodes": ["Aside"], "to_nodes": ["Third"]}, "no task is between ['Aside'] and"),
        ({"from_nodes": ["Second"]}, "there is none of 'parts' under"),
        ({"from_nodes": ["Second"], "base_run": "20200101-000000-aaaaaa"}, "no run '2020"),
        ({"base_run": "20200101-000000-aaaaaa"}, "but the whole pipeline runs"),
    ],
)
def test_a_part_that_cannot_run_is_refused_before_anything_runs(
    more: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        run(parts, tmp_path, **more)

    assert message in str(caught.value)
    assert not list(tmp_path.glob("parts/*"))


def test_the_base_is_a_run_of_the_same_pipeline(tmp_path: Path) -> None:
    @dsl.pipeline(name="other")
    def other():
        step(name="first").set_display_name("First.one")

    foreign, _ = run(other, tmp_path)

    with pytest.raises(InputError, match="is one of the pipeline 'other', expected one of 'parts'"):
        run(parts, tmp_path, from_nodes=["Second"], base_run=foreign.run_id)

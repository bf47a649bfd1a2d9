"""Names of tasks: display names where they are clear and safe, else paths of keys."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.frontend.loading import load
from headrace.ir.task_names import TaskNames
from headrace.ir.view import Pipeline
from headrace.lineage.local_store.connection import default_url
from headrace.lineage.local_store.reader import StoreLineage
from headrace.targets.local.shared.pipelines import RESERVED
from support.cases.local_pipelines import fails, run_pipeline, step


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal"))


def names_of(pipeline: Any) -> TaskNames:
    return TaskNames.of(Pipeline(body=load(pipeline).spec), RESERVED)


def named(*names: str) -> TaskNames:
    @dsl.pipeline(name="p")
    def pipeline() -> None:
        for name in names:
            step(name=name).set_display_name(name)

    return names_of(pipeline)


def test_a_clear_display_name_names_the_node_and_the_directory() -> None:
    found = named("Evaluator.mnist", "Evaluator", "model_trainer")

    keys = [("step",), ("step-2",), ("step-3",)]
    assert [found.node(key) for key in keys] == ["Evaluator.mnist", "Evaluator", "model_trainer"]
    assert [found.directory(key) for key in keys] == [
        ("Evaluator.mnist",),
        ("Evaluator",),
        ("model_trainer",),
    ]


@pytest.mark.parametrize(
    "name",
    ["a/b", "..", ".", ".hidden", "/etc", "a\\b", "~", "-rf", "Größe", "a b", "x" * 121, "a%2Fb"],
)
def test_a_name_that_no_directory_should_have_is_for_lineage_alone(name: str) -> None:
    found = named(name)

    assert found.directory(("step",)) == ("step",)
    assert found.node(("step",)) == (name if len(name) <= 120 else "step")


@pytest.mark.parametrize("name", ["logs", "Run.JSON", "state.json", "Split-train", "_process"])
def test_a_name_with_a_meaning_in_a_run_is_no_directory(name: str) -> None:
    assert named(name).directory(("step",)) == ("step",)


@pytest.mark.parametrize("name", ["a\nb", " a", "\x1b[31mred", "  "])
def test_a_name_that_cannot_be_read_in_a_report_is_not_used(name: str) -> None:
    assert named(name).node(("step",)) == "step"


def test_a_name_of_two_tasks_stands_for_neither() -> None:
    found = named("Trainer", "Trainer", "trainer", "step-2")

    keys = [("step",), ("step-2",), ("step-3",), ("step-4",)]
    assert [found.node(key) for key in keys] == ["step", "step-2", "trainer", "step-4"]
    # On some disks, capitals make no difference.
    assert [found.directory(key) for key in keys] == [
        ("step",),
        ("step-2",),
        ("step-3",),
        ("step-4",),
    ]


def test_a_task_in_a_group_is_named_without_it_and_one_in_a_loop_with_its_round() -> None:
    @dsl.pipeline(name="p")
    def grouped(text: str = "a") -> None:
        with dsl.If(text == "a"):
            step(name="a").set_display_name("Pusher")
            step(name="c").set_display_name("for-loop-3.0.x")
            step(name="d").set_display_name("for-loop-3")
        with dsl.ParallelFor(["x", "y"]) as item:
            step(name="b", value=item).set_display_name("Trainer")
            with dsl.If(item == "x"):
                step(name="e").set_display_name("Evaluator")

    found = names_of(grouped)

    assert found.node(("condition-1", "step")) == "Pusher"
    assert found.directory(("condition-1", "step")) == ("Pusher",)
    assert found.directory(("condition-1", "step-2")) == ("condition-1", "step-2")
    assert found.directory(("condition-1", "step-3")) == ("condition-1", "step-3")
    assert found.node(("for-loop-3", "1", "step-4")) == "for-loop-3/1/Trainer"
    inner = ("for-loop-3", "0", "condition-4", "step-5")
    assert found.directory(inner) == ("for-loop-3", "0", "Evaluator")


def test_a_pipeline_keeps_the_spelling_of_its_author() -> None:
    def author_name(name: str, shown: str) -> str:
        return Pipeline(body={"pipelineInfo": {"name": name, "displayName": shown}}).author_name

    assert author_name("penguin-local", "penguin_local") == "penguin_local"
    assert author_name("taxi-2", "Taxi.2") == "Taxi.2"
    assert author_name("taxi", "Taxi of Chicago") == "taxi"
    assert author_name("taxi", "") == "taxi"
    assert author_name("taxi", "ta\nxi") == "taxi"


def test_runs_record_and_store_tasks_under_their_names(tmp_path: Path) -> None:
    @dsl.pipeline(name="penguin-local", display_name="penguin_local")
    def pipeline(value: str = "x") -> None:
        first = step(name="first", value=value).set_display_name("Evaluator.mnist")
        step(name="second", value=first.outputs["text"]).set_display_name("Evaluator")
        step(name="third").set_display_name("../../outside")

    ran = run_pipeline(pipeline, tmp_path)

    assert {task.name for task in ran.result.tasks} == {
        "Evaluator.mnist",
        "Evaluator",
        "../../outside",
    }
    directory = ran.result.directory
    assert directory.parent.name == "penguin-local"
    assert {path.parent.name for path in directory.glob("*/.headrace")} == {
        "Evaluator.mnist",
        "Evaluator",
        "step-3",
    }
    assert {path.name for path in ran.result.logs.glob("*.log")} == {
        "Evaluator.mnist.log",
        "Evaluator.log",
        "_process.log",
        "step-3.log",
    }
    run, executions = StoreLineage(default_url(ran.result.directory.parent.parent)).run(
        ran.result.run_id
    )
    assert run.pipeline == "penguin_local"
    assert {each.task for each in executions} == {"Evaluator.mnist", "Evaluator", "../../outside"}


def test_a_failed_run_does_not_hide_the_results_of_the_one_before(tmp_path: Path) -> None:
    from ml_metadata import MetadataStore

    from headrace.lineage.local_store.connection import connection_config

    @dsl.pipeline(name="p")
    def sound() -> None:
        step(name="first").set_display_name("Node")

    @dsl.pipeline(name="p")
    def broken() -> None:
        fails(name="first").set_display_name("Node")

    good = run_pipeline(sound, tmp_path).result
    bad = run_pipeline(broken, tmp_path).result

    root = good.directory.parent.parent
    store = MetadataStore(connection_config(root / "metadata.sqlite"))
    node = store.get_context_by_type_and_name("node", "p.Node")
    (newest,) = store.get_executions_by_context(node.id)
    assert {c.name for c in store.get_contexts_by_execution(newest.id)} == {
        "p",
        good.run_id,
        "p.Node",
    }
    _, (failed,) = StoreLineage(default_url(root)).run(bad.run_id)
    assert (failed.task, failed.state) == ("Node", "failed")

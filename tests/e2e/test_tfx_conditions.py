"""Conditions, run-time parameters and placeholders of TFX pipelines: run here, and compiled."""

import json
from pathlib import Path
from typing import Any

import pytest

import headrace
from headrace.target_registry import TargetName

pytestmark = pytest.mark.slow

PROFILE = Path(__file__).parents[2] / "examples/headrace.toml"

PIPELINE = """
import os

from tfx import v1 as tfx
from tfx.dsl.placeholder import placeholder as ph

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples]
Parameter = tfx.dsl.components.Parameter


@tfx.dsl.components.component
def Count(
    examples: ROWS, weight: Parameter[int] = 1
) -> tfx.dsl.components.OutputDict(count=int, is_enough=bool, share=float, span=str):
    span = '{"static_range": {"start_span_number": 2, "end_span_number": 2}}'
    return {"count": 3 * weight, "is_enough": True, "share": 0.5, "span": span}


@tfx.dsl.components.component
def Say(examples: ROWS, text: Parameter[str] = "") -> tfx.dsl.components.OutputDict(said=str):
    return {"said": text}


def create_pipeline():
    weight = tfx.dsl.experimental.RuntimeParameter("row-weight", int, 2, "How much a row counts.")
    root = tfx.dsl.experimental.RuntimeParameter("data-root", str, os.path.join(HERE, "data"))
    splits = tfx.dsl.experimental.RuntimeParameter(
        "splits", str, '{"split_config": {"splits": [{"name": "all", "hash_buckets": 1}]}}'
    )
    rows = tfx.components.CsvExampleGen(input_base=root, output_config=splits)
    count = Count(examples=rows.outputs["examples"], weight=weight)
    later = tfx.components.CsvExampleGen(
        input_base=os.path.join(HERE, "spans"),
        input_config={"splits": [{"name": "all", "pattern": "span-{SPAN}/*.csv"}]},
        range_config=count.outputs["span"].future()[0].value,
    ).with_id("Later")
    statistics = tfx.components.StatisticsGen(examples=later.outputs["examples"])
    nodes = [rows, count, later, statistics]

    def say(name, text="here"):
        node = Say(examples=rows.outputs["examples"], text=text).with_id(name)
        nodes.append(node)
        return node

    counted = count.outputs["count"].future()[0].value
    span = later.outputs["examples"].future()[0].custom_property("span")
    splits_of = statistics.outputs["statistics"].future()[0].property("split_names")
    with tfx.dsl.Cond(counted > 5):
        schema = tfx.components.SchemaGen(statistics=statistics.outputs["statistics"])
        nodes.append(schema)
        with tfx.dsl.Cond(count.outputs["is_enough"].future()[0].value == 1):
            say("Both.hold")
        with tfx.dsl.Cond(ph.logical_not(counted >= 6.0)):
            say("Inner.fails")
    with tfx.dsl.Cond(5 > counted):
        skipped = say("Outer.fails")
    # It reads from nodes under conditions, and so it is under them, too.
    checked = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    after = Say(
        examples=rows.outputs["examples"], text=skipped.outputs["said"].future()[0].value
    ).with_id("After.skipped")
    nodes += [checked, after]
    with tfx.dsl.Cond(span == 2):
        say("Span.2", count.outputs["span"].future()[0].value)
    with tfx.dsl.Cond(ph.logical_or(splits_of == "none", ph.logical_and(span < 3, counted == 6))):
        say("Either.holds")
    with tfx.dsl.Cond(ph.logical_or(splits_of == "none", counted < 5.5)):
        say("Neither.holds")
    with tfx.dsl.Cond(count.outputs["share"].future()[0].value <= 1):
        say("Share.fits", "a/" + "b")
    with tfx.dsl.Cond(rows.outputs["examples"].future()[0].uri != "nowhere"):
        say("Has.uri")
    unlisted = Say(examples=rows.outputs["examples"])
    return tfx.dsl.Pipeline(
        pipeline_name="choices", pipeline_root=os.path.join(HERE, "runs"), components=nodes
    )


if __name__ == "__main__":
    tfx.orchestration.LocalDagRunner().run(create_pipeline())
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("choices")
    rows = "".join(f"{number},{number % 3}\n" for number in range(30))
    for name in ("data", "spans/span-1", "spans/span-2", "spans/span-3"):
        (folder / name).mkdir(parents=True)
        (folder / name / "rows.csv").write_text(f"a,b\n{rows}", "utf-8")
    path = folder / "choices.py"
    path.write_text(PIPELINE, "utf-8")
    return path


@pytest.fixture(scope="module")
def states(file: Path) -> dict[str, Any]:
    result = headrace.run(str(file))

    assert result.state == "succeeded", result.failures
    return {task.name: task.state for task in result.tasks}


def test_nodes_run_if_their_conditions_hold(states: dict[str, Any]) -> None:
    said = {name: state for name, state in states.items() if "." in name}

    assert {name for name, state in said.items() if state == "done"} == {
        "Both.hold", "Span.2", "Either.holds", "Share.fits", "Has.uri",
    }  # fmt: skip
    assert {name for name, state in said.items() if state == "skipped"} == {
        "Inner.fails", "Outer.fails", "After.skipped", "Neither.holds",
    }  # fmt: skip


def test_a_node_that_reads_from_one_under_a_condition_is_under_it(states: dict[str, Any]) -> None:
    assert states["SchemaGen"] == states["ExampleValidator"] == "done"
    assert states["Outer.fails"] == states["After.skipped"] == "skipped"


def test_run_time_parameters_have_values_of_the_run(file: Path) -> None:
    result = headrace.run(str(file), parameters={"row_weight": 1})

    states = {task.name: task.state for task in result.tasks}
    assert result.state == "succeeded", result.failures
    assert states["Both.hold"] == states["SchemaGen"] == states["ExampleValidator"] == "skipped"
    assert states["Outer.fails"] == states["After.skipped"] == "done"
    assert states["Neither.holds"] == "done"


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_choices_are_compiled_for_services(file: Path, target: TargetName) -> None:
    document = headrace.compile(str(file), target=target, config=PROFILE)

    spec = document.get("pipelineSpec") or document.get("pipeline_spec") or document
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert parameters["row_weight"]["defaultValue"] == 2
    assert parameters["splits"]["defaultValue"] == {
        "split_config": {"splits": [{"name": "all", "hash_buckets": 1}]}
    }
    conditions = [
        task["triggerPolicy"]["condition"]
        for part in (spec["root"], *spec["components"].values())
        for task in part.get("dag", {}).get("tasks", {}).values()
        if "triggerPolicy" in task
    ]
    assert len(conditions) == 9
    assert "Say" not in {task["taskInfo"]["name"] for task in spec["root"]["dag"]["tasks"].values()}


EXIT = """
import os

from tfx import v1 as tfx

HERE = os.path.dirname(os.path.abspath(__file__))
Parameter = tfx.dsl.components.Parameter
experimental = tfx.orchestration.experimental


@tfx.dsl.components.component
def Check(wrong: Parameter[int]) -> tfx.dsl.components.OutputDict(checked=int):
    if wrong:
        raise ValueError("wrong")
    return {"checked": 1}


@experimental.exit_handler
def Tell(status: Parameter[str], folder: Parameter[str]):
    with open(os.path.join(folder, "status.json"), "w") as file:
        file.write(status)


pipeline = tfx.dsl.Pipeline(
    pipeline_name="told",
    pipeline_root=os.path.join(HERE, "runs"),
    components=[Check(wrong=tfx.dsl.experimental.RuntimeParameter("is-wrong", int, 1))],
)
runner = experimental.KubeflowV2DagRunner(config=experimental.KubeflowV2DagRunnerConfig())
runner.set_exit_handler(Tell(status=experimental.FinalStatusStr(), folder=HERE))
runner.run(pipeline, parameter_values={"is-wrong": 0})
"""


@pytest.mark.parametrize(("wrong", "state"), [(0, "SUCCEEDED"), (1, "FAILED")])
def test_an_exit_handler_hears_how_the_run_ended(wrong: int, state: str, tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(EXIT, "utf-8")

    result = headrace.run(str(tmp_path / "told.py"), parameters={"is_wrong": wrong})

    assert {task.name: task.state for task in result.tasks}["Tell"] == "done"
    assert json.loads((tmp_path / "status.json").read_text("utf-8"))["state"] == state


def test_an_exit_handler_is_compiled_for_vertex(tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(EXIT, "utf-8")

    document = headrace.compile(str(tmp_path / "told.py"), target="vertex", config=PROFILE)

    (tell,) = (
        task
        for task in document["pipelineSpec"]["root"]["dag"]["tasks"].values()
        if task["taskInfo"]["name"] == "Tell"
    )
    assert tell["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"
    assert "taskFinalStatus" in tell["inputs"]["parameters"]["status"]

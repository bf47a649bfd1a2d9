# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False
"""A pipeline that reads one day per run trains on two, and uses results of earlier runs."""

from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

import headrace
from headrace_components.catalog import (
    csv_example_gen,
    latest_artifact,
    schema_gen,
    span_range,
    statistics_gen,
    trainer,
    transform,
)
from headrace_components.library.data.examples import ExamplesReader

MODULE = str(Path(__file__).parents[1] / "fixtures/resolvers/module.py")
DAYS = {"splits": [{"name": "all", "pattern": "day-{SPAN}/*.csv"}]}

pytestmark = pytest.mark.slow


@dsl.pipeline(name="two-days")
def two_days(data: str):
    day = csv_example_gen(input_base=data, input_config=DAYS)
    examples = span_range(
        examples=day.outputs["examples"], range_config={"rolling_range": {"num_spans": 2}}
    ).outputs["span_examples"]
    schema = schema_gen(statistics=statistics_gen(examples=examples).outputs["statistics"]).output
    accumulators = latest_artifact(producer="transform", output="updated_analyzer_cache")
    transformed = transform(
        examples=examples,
        schema=schema,
        analyzer_cache=accumulators.outputs["artifact"],
        module_file=MODULE,
    )
    last = latest_artifact(producer="trainer", output="model")
    trainer(
        examples=transformed.outputs["transformed_examples"],
        transform_graph=transformed.outputs["transform_graph"],
        base_model=last.outputs["artifact"],
        module_file=MODULE,
    )


def run(tmp_path: Path) -> dict[str, Any]:
    """Runs the pipeline; returns the tasks by name."""
    result = headrace.run(
        two_days, parameters={"data": str(tmp_path / "data")}, root=tmp_path / "root"
    )
    assert result.state == "succeeded", result.failures
    return {task.name: task for task in result.tasks}


def write_day(tmp_path: Path, day: int) -> None:
    folder = tmp_path / f"data/day-{day}"
    folder.mkdir(parents=True)
    rows = "".join(f"{day},{hour}\n" for hour in range(24))
    (folder / "rides.csv").write_text(f"day,hour\n{rows}", "utf-8")


def days_of(tasks: dict[str, Any]) -> list[int]:
    reader = ExamplesReader(Path(tasks["span-range"].artifacts["span_examples"][0].uri), "test")
    batches = [batch for split in ("train", "eval") for batch in reader.record_batches(split)]
    return sorted(day for batch in batches for (day,) in batch["day"].to_pylist())


def generation(tasks: dict[str, Any]) -> str:
    (model,) = tasks["trainer"].artifacts["model"]
    return Path(model.uri, "Format-Serving/generation.txt").read_text("utf-8")


def test_each_run_adds_its_day_and_goes_on_from_the_last(tmp_path: Path) -> None:
    write_day(tmp_path, 1)
    first = run(tmp_path)
    assert days_of(first) == [1] * 24
    assert first["latest-artifact"].artifacts["artifact"][0].metadata["found"] == 0
    assert generation(first) == "1"

    write_day(tmp_path, 2)
    second = run(tmp_path)
    assert days_of(second) == [1] * 24 + [2] * 24
    (accumulators,) = second["latest-artifact"].artifacts["artifact"]
    (model,) = second["latest-artifact-2"].artifacts["artifact"]
    assert accumulators.uri == first["transform"].artifacts["updated_analyzer_cache"][0].uri
    assert accumulators.type == "tfx.TransformCache"
    assert model.uri == first["trainer"].artifacts["model"][0].uri
    assert model.type == "tfx.Model"
    assert generation(second) == "2"

    third = run(tmp_path)
    states = {name: task.state for name, task in third.items()}
    # Only the base model is new.
    assert states.pop("trainer") == "done"
    assert states.pop("latest-artifact") == states.pop("latest-artifact-2") == "done"
    assert set(states.values()) == {"cached"}
    assert generation(third) == "3"

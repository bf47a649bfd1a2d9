"""Joins examples of several spans from several runs of this pipeline: TFX's SpanRangeStrategy.

This pipeline reads one day per run, and trains a model on the last seven days:

    day = csv_example_gen(input_base="rides", input_config={"splits": [
        {"name": "all", "pattern": "{YYYY}-{MM}-{DD}/*.csv"}]})
    week = span_range(
        examples=day.outputs["examples"],
        range_config={"rolling_range": {"num_spans": 7}},
    )
    trainer(examples=week.outputs["span_examples"], module_file="model.py")

Earlier examples are what the task that makes `examples` wrote in earlier runs. If a span has
several examples, those of this run are used, else the latest version, else the newest. The
first run has only its own examples. No rows are read: files are linked, or copied if links do
not work. If spans are missing, the others are joined.
"""

from headrace_components.contract.artifact_types import EXAMPLES
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import CacheHooks
from headrace_components.span_range.chosen_state import external_state
from headrace_components.span_range.params import SpanRangeParams

COMPONENT = Component(
    name="span_range",
    doc=__doc__,
    inputs={
        "examples": Input(EXAMPLES, "The examples of one span, which this run read."),
    },
    outputs={
        "span_examples": Output(
            EXAMPLES,
            """The rows of all spans, the earliest first. The metadata `spans` lists the
            spans, and `span` is the last one.""",
        ),
    },
    parameters=SpanRangeParams,
    cache=CacheHooks(external_state=external_state),
    opens_store=True,
)

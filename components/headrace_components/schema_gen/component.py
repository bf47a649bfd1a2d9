"""Infers a schema that the data of every split satisfies."""

from headrace_components.contract.artifact_types import EXAMPLE_STATISTICS, SCHEMA
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import EarlyChecks, SplitNeed
from headrace_components.schema_gen.params import SchemaGenParams


def splits_read(params: SchemaGenParams) -> list[SplitNeed]:
    """Returns the splits to leave out, which must exist."""
    return [SplitNeed(port="statistics", parameter="exclude_splits", names=params.exclude_splits)]


COMPONENT = Component(
    name="schema_gen",
    doc=__doc__,
    inputs={
        "statistics": Input(EXAMPLE_STATISTICS, "Statistics per split."),
    },
    outputs={
        "schema": Output(SCHEMA, "The inferred schema."),
    },
    parameters=SchemaGenParams,
    execution_type="tfx.components.schema_gen.component.SchemaGen",
    execution_base="PROCESS",
    checks=EarlyChecks(splits_read=splits_read),
    footprint="statistics",
)

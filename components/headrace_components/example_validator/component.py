"""Finds contradictions between the data and the schema.

Training rows and serving rows differ: only training rows have a label. Declare this in the
schema with `default_environment: "TRAINING"`, `default_environment: "SERVING"`, and
`not_in_environment: "SERVING"` on the label. Then validate serving rows like this:

    example_validator(statistics=serving, schema=schema, environment="SERVING")
"""

from headrace_components.contract.artifact_types import (
    EXAMPLE_ANOMALIES,
    EXAMPLE_STATISTICS,
    HTML,
    SCHEMA,
)
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import EarlyChecks, SplitNeed
from headrace_components.example_validator.params import ExampleValidatorParams


def splits_read(params: ExampleValidatorParams) -> list[SplitNeed]:
    """Returns the splits to leave out, which must exist."""
    return [SplitNeed(port="statistics", parameter="exclude_splits", names=params.exclude_splits)]


COMPONENT = Component(
    name="example_validator",
    doc=__doc__,
    inputs={
        "statistics": Input(EXAMPLE_STATISTICS, "Statistics per split."),
        "schema": Input(SCHEMA, "The schema that the data must satisfy."),
    },
    outputs={
        "anomalies": Output(EXAMPLE_ANOMALIES, "One `SchemaDiff.pb` per split."),
        "report": Output(
            HTML, "A page that shows each anomaly, how serious it is and what to do about it."
        ),
    },
    parameters=ExampleValidatorParams,
    execution_type="tfx.components.example_validator.component.ExampleValidator",
    checks=EarlyChecks(splits_read=splits_read),
    footprint="statistics",
    logs_notices=True,
    opens_store=True,
)

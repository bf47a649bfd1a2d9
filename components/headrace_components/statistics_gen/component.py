"""Computes the statistics that TFDV computes, for every feature of every split."""

from headrace_components.contract.artifact_types import EXAMPLE_STATISTICS, EXAMPLES, HTML, SCHEMA
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import EarlyChecks, SplitNeed, Splits
from headrace_components.contract.messages import Messages
from headrace_components.library.data.metadata_fields import FIELDS
from headrace_components.library.data.statistics_values import checked_option
from headrace_components.statistics_gen.params import StatisticsGenParams

_MESSAGES = Messages("statistics_gen", FIELDS)


def check(params: StatisticsGenParams) -> None:
    """Rejects options that TFDV does not have.

    Raises:
        InputError: A name is unknown, or a value is not of its field's type or range.
    """
    for name, value in params.stats_options.items():
        checked_option(name, value)
    slicing = params.stats_options.get("slicing_config", {})
    _MESSAGES.read(slicing, "SlicingConfig", "`slicing_config` of `stats_options`")


def splits_read(params: StatisticsGenParams) -> list[SplitNeed]:
    """Returns the splits to leave out, which must exist."""
    return [SplitNeed(port="examples", parameter="exclude_splits", names=params.exclude_splits)]


def splits_made(params: StatisticsGenParams, inputs: Splits) -> Splits:
    """Returns the splits of the examples, without those that are left out."""
    if "examples" not in inputs:
        return {}
    kept = [name for name in inputs["examples"] if name not in params.exclude_splits]
    return {"statistics": kept}


COMPONENT = Component(
    name="statistics_gen",
    doc=__doc__,
    inputs={
        "examples": Input(EXAMPLES, "Rows to summarise, tf.Examples or tf.SequenceExamples."),
        "schema": Input(
            SCHEMA, "Types and domains to use instead of inferred ones.", optional=True
        ),
    },
    outputs={
        "statistics": Output(EXAMPLE_STATISTICS, "One `FeatureStats.pb` per split."),
        "report": Output(
            HTML,
            "A page that shows every feature with its splits side by side, and what is unusual.",
        ),
    },
    parameters=StatisticsGenParams,
    execution_type="tfx.components.statistics_gen.component.StatisticsGen",
    execution_base="PROCESS",
    checks=EarlyChecks(check=check, splits_read=splits_read, splits_made=splits_made),
    footprint="rows",
)

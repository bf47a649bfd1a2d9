"""What is known of StatisticsGen before a run."""

from collections.abc import Mapping, Sequence

from headrace_components.contract.messages import Messages
from headrace_components.contract.split_needs import SplitNeed
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
        checked_option(name, value, "statistics_gen")
    slicing = params.stats_options.get("slicing_config", {})
    _MESSAGES.read(slicing, "SlicingConfig", "`slicing_config` of `stats_options`")


def splits_read(params: StatisticsGenParams) -> list[SplitNeed]:
    """Returns the splits that are left out, which must be there."""
    return [SplitNeed(port="examples", parameter="exclude_splits", names=params.exclude_splits)]


def splits_made(
    params: StatisticsGenParams, inputs: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """Returns the splits of the examples, without those that are left out."""
    if "examples" not in inputs:
        return {}
    kept = [name for name in inputs["examples"] if name not in params.exclude_splits]
    return {"statistics": kept}

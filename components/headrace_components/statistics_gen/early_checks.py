"""What is known of StatisticsGen before a run."""

from collections.abc import Mapping, Sequence

from headrace_components.split_needs import SplitNeed
from headrace_components.statistics_gen.params import StatisticsGenParams


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

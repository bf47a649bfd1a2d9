"""What is known of SchemaGen before a run."""

from headrace_components.contract.split_needs import SplitNeed
from headrace_components.schema_gen.params import SchemaGenParams


def splits_read(params: SchemaGenParams) -> list[SplitNeed]:
    """Returns the splits that are left out, which must be there."""
    return [SplitNeed(port="statistics", parameter="exclude_splits", names=params.exclude_splits)]

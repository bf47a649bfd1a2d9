"""What is known of ExampleValidator before a run."""

from headrace_components.contract.split_needs import SplitNeed
from headrace_components.example_validator.params import ExampleValidatorParams


def splits_read(params: ExampleValidatorParams) -> list[SplitNeed]:
    """Returns the splits that are left out, which must be there."""
    return [SplitNeed(port="statistics", parameter="exclude_splits", names=params.exclude_splits)]

"""What is known of ExampleDiff before a run."""

from headrace_components.contract.split_needs import SplitNeed
from headrace_components.example_diff.params import ExampleDiffParams


def splits_read(params: ExampleDiffParams) -> list[SplitNeed]:
    """Returns the splits of both inputs that are compared with each other."""
    pairs = params.include_split_pairs
    return [
        SplitNeed(port=port, parameter="include_split_pairs", names=[pair[at] for pair in pairs])
        for at, port in enumerate(("examples", "baseline_examples"))
    ]

"""What is known of DistributionValidator before a run."""

from headrace_components.distribution_validator.params import DistributionValidatorParams
from headrace_components.split_needs import SplitNeed


def splits_read(params: DistributionValidatorParams) -> list[SplitNeed]:
    """Returns the splits of both inputs that are compared with each other."""
    pairs = params.include_split_pairs
    return [
        SplitNeed(port=port, parameter="include_split_pairs", names=[pair[at] for pair in pairs])
        for at, port in enumerate(("statistics", "baseline_statistics"))
    ]

"""What is known of BulkInferrer before a run."""

from headrace_components.bulk_inferrer.params import BulkInferrerParams
from headrace_components.contract.split_needs import SplitNeed


def splits_read(params: BulkInferrerParams) -> list[SplitNeed]:
    """Returns the splits to predict."""
    name = "example_splits` of `data_spec"
    return [SplitNeed(port="examples", parameter=name, names=params.splits)]

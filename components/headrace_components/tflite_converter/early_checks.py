"""What is known of TFLiteConverter before a run."""

from headrace_components.contract.split_needs import SplitNeed
from headrace_components.tflite_converter.params import TFLiteConverterParams


def splits_read(params: TFLiteConverterParams) -> list[SplitNeed]:
    """Returns the splits to compare on, and the one that integers are calibrated with."""
    needs = [SplitNeed(port="examples", parameter="example_splits", names=params.splits)]
    if params.is_calibrated:
        names = [params.representative_split]
        needs.append(SplitNeed(port="examples", parameter="representative_split", names=names))
    return needs

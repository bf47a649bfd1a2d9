"""What is known before a run of a component that makes examples. Standard library only."""

from collections.abc import Mapping, Sequence

from headrace_components.library.sources.params import ExampleGenParams, FileExampleGenParams
from headrace_components.library.sources.spans import check_patterns


def check(params: ExampleGenParams) -> None:
    """Rejects input patterns whose placeholders no run could fill.

    Raises:
        InputError: A pattern is not understood, or has no placeholder for the span asked for.
    """
    if isinstance(params, FileExampleGenParams):
        check_patterns(params.input_splits, params.only_span, component=params.component)


def splits_made(
    params: ExampleGenParams, inputs: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """Returns the splits that `input_config` and `output_config` say."""
    del inputs
    return {"examples": params.split_names}

"""Checks a component that makes examples before a run. Standard library only."""

from headrace_components.contract.hooks import EarlyChecks, Splits
from headrace_components.library.sources.params import ExampleGenParams, FileExampleGenParams
from headrace_components.library.sources.spans import check_patterns


def _check(params: FileExampleGenParams) -> None:
    """Rejects input patterns whose placeholders no run could fill.

    Raises:
        InputError: A pattern has an error, or has no placeholder for the requested span.
    """
    check_patterns(params.input_splits, params.only_span, component=params.component)


def _splits_made(params: ExampleGenParams, inputs: Splits) -> Splits:
    """Returns the splits that `input_config` and `output_config` define."""
    del inputs
    return {"examples": params.split_names}


FILE_CHECKS = EarlyChecks(check=_check, splits_made=_splits_made)
"""Checks of a component that reads files."""

QUERY_CHECKS = EarlyChecks(splits_made=_splits_made)
"""Checks of a component that reads the rows of queries."""

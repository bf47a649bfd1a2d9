"""What CsvExampleGen reads besides its input artifacts."""

from headrace_components.contract.cache import Inputs, Params
from headrace_components.csv_example_gen.params import CsvExampleGenParams
from headrace_components.library.sources.cache import locations_of_files, state_of_files


def input_locations(params: Params) -> tuple[str, ...]:
    """Returns the directory or URI of the input files."""
    return locations_of_files(params)


def external_state(params: Params, inputs: Inputs) -> str | None:
    """Returns span, version and fingerprint of the input files, or None where only a run can tell.

    That is so for parameters that the component will refuse, and for a store that does not answer.
    """
    return state_of_files(CsvExampleGenParams, params)

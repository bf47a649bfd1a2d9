"""What AvroExampleGen reads besides its input artifacts."""

from headrace_components.avro_example_gen.params import AvroExampleGenParams
from headrace_components.cache import Inputs, Params
from headrace_components.example_gen.cache import state_of_files


def external_state(params: Params, inputs: Inputs) -> str | None:
    """Returns span, version and fingerprint of the input files, or None where only a run can tell.

    That is so for files behind a URI, and for parameters that the component will refuse.
    """
    return state_of_files(AvroExampleGenParams, params)

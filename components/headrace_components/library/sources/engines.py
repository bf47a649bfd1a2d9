"""Makes examples with the engine that the parameters select."""

from collections.abc import Mapping, Sequence

from headrace_components.contract.task import Artifact
from headrace_components.library.sources import embedded_engine
from headrace_components.library.sources.params import ExampleGenParams
from headrace_components.library.sources.source import RowSource


def write(
    params: ExampleGenParams,
    inputs: Mapping[str, Sequence[str]],
    output: Artifact,
    source: RowSource,
) -> None:
    """Writes the inputs of each split as TFRecords.

    Args:
        params: How to divide and to write rows.
        inputs: Addresses of the inputs by input split.
        output: The Examples artifact.
        source: How an input is read.

    Raises:
        InputError: An input split has no rows, its inputs do not agree, or one cannot be read.
    """
    if params.beam_pipeline_args:
        # Imported here: the import of Beam takes seconds, and only few tasks need it.
        from headrace_components.library.sources import beam_engine

        beam_engine.write(params, inputs, output, source)
    else:
        embedded_engine.write(params, inputs, output, source)

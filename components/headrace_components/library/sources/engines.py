"""Makes examples by the engine that the parameters ask for."""

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
        params: Says how to divide and to write.
        inputs: Addresses of the inputs by input split.
        output: The Examples artifact.
        source: How an input is read.

    Raises:
        InputError: An input split has no rows, its inputs do not agree, or one cannot be read.
    """
    if params.beam_pipeline_args:
        # Imported here: Beam takes seconds, which only those who ask for it are to wait.
        from headrace_components.library.sources import beam_engine

        beam_engine.write(params, inputs, output, source)
    else:
        embedded_engine.write(params, inputs, output, source)

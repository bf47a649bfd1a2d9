"""Makes examples from files: finds the files, and publishes metadata of the examples."""

from headrace_components.contract.task import Artifact
from headrace_components.library.data import examples_record
from headrace_components.library.data.examples import examples_metadata
from headrace_components.library.sources import engines
from headrace_components.library.sources.files import check_directory, find_files
from headrace_components.library.sources.params import FileExampleGenParams
from headrace_components.library.sources.source import RowSource
from headrace_components.library.sources.spans import ResolvedInput, resolve


def write(params: FileExampleGenParams, output: Artifact, source: RowSource) -> None:
    """Writes the files that the parameters name, and their metadata; see `engines.write`."""
    found = find_input(params)
    engines.write(params, found.files, output, source)
    publish(params, found, output)


def find_input(params: FileExampleGenParams) -> ResolvedInput:
    """Returns the files that the parameters name.

    Raises:
        InputError: A pattern is not valid or matches nothing, or splits differ in their span.
    """
    base = params.input_base
    check_directory(base)
    return resolve(
        base,
        params.input_splits,
        params.only_span,
        find_files(base),
    )


def publish(
    params: FileExampleGenParams,
    found: ResolvedInput,
    output: Artifact,
    *,
    payload_format: str = "FORMAT_TF_EXAMPLE",
    file_format: str = "tfrecords_gzip",
) -> None:
    """Gives the Examples artifact its metadata.

    Args:
        params: The parameters of the task.
        found: The files that were read.
        output: The artifact.
        payload_format: Format of a record.
        file_format: Format of the output files.
    """
    metadata = examples_metadata(
        params.split_names,
        span=found.span,
        version=found.version,
        fingerprint=found.fingerprint,
        payload_format=payload_format,
        file_format=file_format,
    )
    examples_record.publish(output, metadata)

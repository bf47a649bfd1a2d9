"""Makes examples of files: finds these, and says what is known of what they became."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact
from headrace_components.library.data import examples_record
from headrace_components.library.data.examples import examples_metadata
from headrace_components.library.sources.configs import OutputSplit
from headrace_components.library.sources.files import check_directory, find_files
from headrace_components.library.sources.params import FileExampleGenParams
from headrace_components.library.sources.spans import ResolvedInput, resolve
from headrace_components.library.sources.writing import Rows, write_splits

WriteSplit = Callable[[Sequence[str], Sequence[OutputSplit]], int]
"""Writes the files of one input split as output splits, and returns the number of rows."""


def find_input(params: FileExampleGenParams) -> ResolvedInput:
    """Returns the files that the parameters name.

    Raises:
        InputError: A pattern is not understood or matches nothing, or splits differ in their span.
    """
    base = params.input_base
    check_directory(params.component, base)
    return resolve(
        base,
        params.input_splits,
        params.only_span,
        find_files(params.component, base),
        component=params.component,
    )


def write_files(
    params: FileExampleGenParams, files: Mapping[str, Sequence[str]], write: WriteSplit
) -> None:
    """Writes the files of each input split.

    Raises:
        InputError: The files of one have no rows.
    """
    for name, paths in files.items():
        if not write(paths, params.shares_of(name)):
            raise no_rows(params, paths)


def write_rows(
    params: FileExampleGenParams,
    files: Mapping[str, Sequence[str]],
    output: Artifact,
    read_rows: Callable[[Sequence[str]], Iterable[Rows]],
) -> None:
    """Writes TFRecords, given how to read the files of one input split.

    Raises:
        InputError: The files of one have no rows.
    """
    write_files(
        params,
        files,
        lambda paths, shares: write_splits(read_rows(paths), shares, output.path, params),
    )


def no_rows(params: FileExampleGenParams, paths: Sequence[str]) -> InputError:
    """Returns the error that says that the files of an input split have no rows."""
    return InputError(
        f"{params.component}: {', '.join(paths)}: no rows, expected at least one. Check the input "
        "pattern and what writes the files."
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
        params: What was asked for.
        found: What was read.
        output: The artifact.
        payload_format: What a record is.
        file_format: What the files of the output are.
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

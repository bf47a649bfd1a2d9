"""Makes examples of files: finds these, and writes what a component reads from them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from headrace_components.data import examples_record
from headrace_components.data.examples import examples_metadata
from headrace_components.errors import InputError
from headrace_components.example_gen.configs import OutputSplit
from headrace_components.example_gen.files import check_directory, find_files
from headrace_components.example_gen.params import FileExampleGenParams
from headrace_components.example_gen.spans import resolve
from headrace_components.example_gen.writing import Rows, write_splits
from headrace_components.task import Artifact


class Write(Protocol):
    """Writes one input split as one output split or several, and returns its number of rows."""

    def __call__(
        self, paths: Sequence[str], shares: Sequence[OutputSplit], output: Artifact
    ) -> int:
        """See the class."""
        ...


def write_examples(
    params: FileExampleGenParams,
    output: Artifact,
    write: Write,
    *,
    payload_format: str = "FORMAT_TF_EXAMPLE",
    file_format: str = "tfrecords_gzip",
) -> None:
    """Writes the files that the parameters name, and what is known of them, to `output`.

    Args:
        params: Which files to read, and how to divide them.
        output: The Examples artifact.
        write: How to write the files of one input split.
        payload_format: What a record is.
        file_format: What the files of the output are.

    Raises:
        InputError: The parameters name no files, or files without rows.
    """
    base = params.input_base
    check_directory(params.component, base)
    found = resolve(
        base,
        params.input_splits,
        params.only_span,
        find_files(params.component, base),
        component=params.component,
    )
    for name, paths in found.files.items():
        if not write(paths, params.shares_of(name), output):
            raise InputError(
                f"{params.component}: {', '.join(paths)}: no rows, expected at least one. Check "
                "the input pattern and what writes the files."
            )
    examples_record.publish(
        output,
        examples_metadata(
            params.split_names,
            span=found.span,
            version=found.version,
            fingerprint=found.fingerprint,
            payload_format=payload_format,
            file_format=file_format,
        ),
    )


def rows_writer(
    params: FileExampleGenParams, read_rows: Callable[[Sequence[str]], Iterable[Rows]]
) -> Write:
    """Returns a `Write` for TFRecords, given how to read the files of one input split."""

    def write(paths: Sequence[str], shares: Sequence[OutputSplit], output: Artifact) -> int:
        return write_splits(read_rows(paths), shares, output.path, params)

    return write

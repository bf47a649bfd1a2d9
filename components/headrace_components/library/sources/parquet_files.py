"""Reads Parquet files, one batch of rows at a time."""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_components.contract.errors import InputError
from headrace_components.library.sources.files import open_random

# For a column of long texts, this many rows take tens of megabytes.
_ROWS_PER_BATCH = 10_000


class ParquetFiles:
    """The Parquet files of one input split, which have the same columns.

    Args:
        paths: Paths or URIs, in the order in which they are read.

    Attributes:
        schema: Names and types of the columns.

    Raises:
        InputError: A file is not Parquet, or has other columns than the first.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self.schema = one_schema({path: self._schema(path) for path in paths})

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yields the path of a file and some of its rows, in order."""
        for path in self._paths:
            with open_random(path) as stream:
                try:
                    for batch in pq.ParquetFile(stream).iter_batches(batch_size=_ROWS_PER_BATCH):
                        yield path, batch
                except (pa.ArrowException, OSError) as error:
                    raise self._unreadable(path, error) from error

    def _schema(self, path: str) -> pa.Schema:
        with open_random(path) as stream:
            try:
                # Metadata is not compared: pandas writes the number of rows into it.
                return pq.ParquetFile(stream).schema_arrow.remove_metadata()
            except (pa.ArrowException, OSError) as error:
                raise self._unreadable(path, error) from error

    def _unreadable(self, path: str, error: Exception) -> Exception:
        if isinstance(error, OSError) and error.errno is not None:
            return error  # an error of the disk, not of the content
        return InputError(
            f"{path} cannot be read as Parquet: {error}. Write or copy the file "
            "again, or leave it out of the input pattern."
        )


def one_schema(schemas: Mapping[str, pa.Schema]) -> pa.Schema:
    """Returns the schema that the files of an input split have.

    Args:
        schemas: The schema of each file by path, in the order in which they are read.

    Raises:
        InputError: A file has other columns than the first.
    """
    first_path, first = next(iter(schemas.items()))
    for path, schema in schemas.items():
        if not schema.equals(first):
            raise InputError(
                f"{path} has the columns {_described(schema)}, {first_path} has "
                f"{_described(first)}; the files of a split have the same columns. Write them "
                "alike, or name them in splits of their own in `input_config`."
            )
    return first


def _described(schema: pa.Schema) -> str:
    return str({field.name: str(field.type) for field in schema})

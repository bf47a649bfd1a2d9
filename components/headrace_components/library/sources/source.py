"""Reads one kind of input. The embedded engine and the Beam engine use the same `Source`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from headrace_components.contract.errors import InputError
from headrace_components.library.data.example_encoder import encode_examples
from headrace_components.library.sources.params import ExampleGenParams
from headrace_components.library.sources.partition import feature_keys
from headrace_components.library.sources.rows import DecodedRows

Read = Callable[[str, Sequence[str]], Iterator[Any]]
"""The type of `Source.read`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The information on an input that matters to the other inputs of its split."""

    value: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """The common properties of a split's inputs.

    Attributes:
        value: The value for `RowSource.rows`.
        warnings: Facts that may surprise the author.
    """

    value: Any
    warnings: Sequence[str] = ()


class Source(ABC):
    """Reads one kind of input; an instance is sent to the Beam workers.

    The embedded engine reads all inputs of a split with one call. On Beam each input is read with a
    separate call, on any worker, and then `agree` compares the results.

    Args:
        params: How to divide and to write rows.

    Attributes:
        reads_files: Whether the addresses of inputs are paths and URIs.
        component: Name of the component, for the log.
    """

    reads_files: ClassVar[bool] = True

    def __init__(self, params: ExampleGenParams) -> None:
        self.component = params.component

    @abstractmethod
    def read(self, split: str, addresses: Sequence[str]) -> Iterator[Any]:
        """Yields blocks of rows, in any form, and `Facts` of an input that others must agree with.

        Args:
            split: Name of the input split.
            addresses: Paths or URIs of files, or queries.

        Raises:
            InputError: An input cannot be read, or the given inputs do not agree.
        """

    def agree(self, facts: Sequence[Any]) -> Agreement:
        """Returns the common properties of a split's inputs.

        Args:
            facts: Values of the `Facts` from `read`, in the order of the inputs.

        Raises:
            InputError: They do not agree.
        """
        return Agreement(value=None)

    def no_rows(self, split: str, addresses: Sequence[str]) -> InputError:
        """Returns the error for an input split without rows."""
        return InputError(
            f"{', '.join(addresses)}: no rows, expected at least one. Check the "
            "input pattern and what writes the files."
        )


class RowSource(Source):
    """Reads inputs whose rows are written as TFRecords.

    Attributes:
        agrees_first: Whether no row can be written before all inputs of its split agree. The
            embedded engine, which does not keep blocks, then reads the inputs twice.
        column: Name of the column that decides on the split of a row; empty if there is none.
    """

    agrees_first: ClassVar[bool] = False

    def __init__(self, params: ExampleGenParams) -> None:
        super().__init__(params)
        self.column = params.partition_feature

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Yields `read`, for all splits; a database is only connected to once."""
        yield self.read

    def reread(self, facts: Sequence[Any]) -> Iterator[Any]:
        """Yields the blocks again; only used with `agrees_first`.

        Args:
            facts: The arguments of `agree`.
        """
        raise NotImplementedError

    @abstractmethod
    def rows(self, block: Any, agreed: Any) -> DecodedRows:
        """Returns the rows of a block in the form in which they are written.

        Args:
            block: A block from `read`.
            agreed: Value of the `Agreement`; None without one. The embedded engine only has one
                with `agrees_first`.
        """


class TableSource(RowSource):
    """Reads tables whose rows are written as tf.Examples."""

    def columns(self, block: Any, agreed: Any) -> pa.RecordBatch:
        """Returns a block as list columns; by default the block has this form."""
        return block

    def rows(self, block: Any, agreed: Any) -> DecodedRows:
        """Returns the rows of a block as tf.Examples."""
        batch = self.columns(block, agreed)
        records = encode_examples(batch)
        keys = feature_keys(batch, self.column) if self.column else records
        return DecodedRows(records=records, keys=keys, batch=batch)


class QuerySource(TableSource):
    """Runs queries, one for each input split; they need not agree with each other."""

    reads_files = False

    @contextmanager
    @abstractmethod
    def opened(self) -> Iterator[Read]:
        """Connects to the database, and yields a function that runs queries."""

    def read(self, split: str, addresses: Sequence[str]) -> Iterator[Any]:
        """Yields the rows of queries, over a separate connection."""
        with self.opened() as read:
            yield from read(split, addresses)

    def no_rows(self, split: str, addresses: Sequence[str]) -> InputError:
        """Returns the error for an input split whose query returned no rows."""
        return InputError(
            f"the query of input split {split!r} returned no rows, expected at "
            "least one. Check its condition, and the span if it has one."
        )

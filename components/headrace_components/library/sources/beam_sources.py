"""How workers of Beam read inputs: a file or a query, on its own."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from headrace_components.library.sources.params import ExampleGenParams
from headrace_components.library.sources.writing import Rows, example_rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of an input, and matters to the others of its split."""

    value: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """What the inputs of a split have in common.

    Attributes:
        value: What `Source.rows` needs of it.
        warnings: What the author may not expect.
    """

    value: Any
    warnings: Sequence[str] = ()


class Source(ABC):
    """How one kind of input is read; an instance is sent to the workers.

    Attributes:
        reads_files: Whether the addresses of inputs are paths and URIs.
    """

    reads_files: ClassVar[bool] = True

    @abstractmethod
    def read(self, split: str, address: str) -> Iterator[Any]:
        """Yields blocks of rows, in any form, and `Facts` where other inputs must agree with them.

        Args:
            split: Name of the input split.
            address: Path or URI of a file, or a query.
        """

    def agree(self, facts: Mapping[str, Any]) -> Agreement:
        """Returns what the inputs of a split have in common.

        Args:
            facts: What `read` found of each input by address, in the order of the inputs.

        Raises:
            InputError: They do not agree.
        """
        return Agreement(value=None)


class RowSource(Source):
    """How inputs are read whose rows are written as TFRecords.

    Args:
        column: Name of the column that decides on the split of a row; empty where none does.
    """

    def __init__(self, column: str) -> None:
        self.column = column

    @abstractmethod
    def rows(self, block: Any, agreed: Any) -> Rows:
        """Returns the rows of a block as they are written.

        Args:
            block: What `read` gave.
            agreed: Value of the `Agreement`.
        """


class TableSource(RowSource):
    """How tables are read, whose rows are written as tf.Examples.

    Args:
        params: Says what decides on the split of a row.
    """

    def __init__(self, params: ExampleGenParams) -> None:
        super().__init__(params.partition_feature)
        self._params = params

    def columns(self, block: Any, agreed: Any) -> pa.RecordBatch:
        """Returns a block as list columns; by default it is such."""
        return block

    def rows(self, block: Any, agreed: Any) -> Rows:
        """Returns the rows of a block as tf.Examples."""
        return example_rows(self.columns(block, agreed), self._params)

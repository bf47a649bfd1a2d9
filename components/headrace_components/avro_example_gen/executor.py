"""Reads Avro files into examples, some thousand rows at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

from headrace_components.avro_example_gen import avro_files
from headrace_components.avro_example_gen.params import AvroExampleGenParams
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.sources import from_files
from headrace_components.library.sources.source import Agreement, Facts, TableSource
from headrace_components.library.sources.values import FeatureColumns

_ADVICE = "Change the field where the file is written, or leave it out."


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(AvroExampleGenParams, task.params, task.component)
    from_files.write(params, task.output("examples"), AvroSource(params))


class AvroSource(TableSource):
    """Blocks are list columns, of the same types in all files."""

    def read(self, split: str, addresses: Sequence[str]) -> Iterator[Any]:
        """Yields blocks, and the types of the columns last."""
        columns = FeatureColumns(_ADVICE)
        for path, batch in avro_files.batches(addresses, _ADVICE):
            yield columns.of(batch, path)
        yield Facts(value=columns)

    def agree(self, facts: Sequence[FeatureColumns]) -> Agreement:
        """Checks that the types are the same."""
        first, *others = facts
        for columns in others:
            first.check_types_of(columns)
        return Agreement(value=None)

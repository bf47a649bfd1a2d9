"""Reads Avro files on Beam: each on one worker."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headrace_components.avro_example_gen import avro_files
from headrace_components.avro_example_gen.executor import ADVICE
from headrace_components.avro_example_gen.params import AvroExampleGenParams
from headrace_components.contract.task import Artifact
from headrace_components.library.sources.beam_engine import write_files
from headrace_components.library.sources.beam_sources import Agreement, Facts, TableSource
from headrace_components.library.sources.values import FeatureColumns

_COMPONENT = AvroExampleGenParams.component


def write(
    params: AvroExampleGenParams, files: Mapping[str, Sequence[str]], output: Artifact
) -> None:
    """Writes the files of each input split; see `example_gen.beam_engine.write_files`."""
    write_files(params, files, output, _AvroSource(params))


class _AvroSource(TableSource):
    """Blocks are list columns, of the same types in all files."""

    def read(self, split: str, address: str) -> Iterator[Any]:
        columns = FeatureColumns(_COMPONENT, ADVICE)
        for path, batch in avro_files.batches([address], ADVICE):
            yield columns.of(batch, path)
        yield Facts(value=columns)

    def agree(self, facts: Mapping[str, FeatureColumns]) -> Agreement:
        first, *others = facts.values()
        for columns in others:
            first.check_types_of(columns)
        return Agreement(value=None)

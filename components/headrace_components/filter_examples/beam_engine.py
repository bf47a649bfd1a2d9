"""Keeps rows on Beam. Each worker loads the function from the parameters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import apache_beam as beam
import pyarrow as pa

from headrace_components.contract.task import Artifact
from headrace_components.filter_examples import predicates
from headrace_components.filter_examples.params import FilterExamplesParams
from headrace_components.filter_examples.predicates import BATCHES
from headrace_components.library.beam import job, locations
from headrace_components.library.beam.examples import (
    ReadPairs,
    ReadRecords,
    SplitRows,
    WriteShards,
    finish,
)
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.user_code.module_pack import is_packed

_COMPONENT = "filter_examples"
_NUM_READ = "num_read"
_KEPT = "kept"


def filter_splits(
    params: FilterExamplesParams,
    examples: Artifact,
    reader: ExamplesReader,
    kind: str,
    names: Sequence[str],
    output: Artifact,
) -> Mapping[str, tuple[int, int]]:
    """Writes the kept rows, and returns for each split its number of rows and of kept rows.

    Either all splits get a columnar twin or none.

    Args:
        params: Names the function and Beam's options.
        examples: The rows to choose from.
        reader: The same, opened.
        kind: Kind of the function.
        names: Splits to filter.
        output: Examples artifact to write.
    """
    columnar = kind == BATCHES or all(reader.has_columnar(name) for name in names)
    read = ReadPairs if columnar else ReadRecords

    def build(running: job.Job) -> Any:
        location = running.location(examples)
        sent = params
        if running.options.is_remote and params.module_file and not is_packed(params.module_file):
            sent = replace(params, module_file=locations.absolute(params.module_file))
        filtered = [
            running.pipeline
            | f"Read[{name}]" >> read(reader, name, location)
            | f"Filter[{name}]" >> beam.ParDo(_Filter(sent, name)).with_outputs(_NUM_READ, _KEPT)
            for name in names
        ]
        num_read = [each[_NUM_READ] for each in filtered] | "NumRead" >> beam.Flatten()
        kept = [each[_KEPT] for each in filtered] | "Kept" >> beam.Flatten()
        counted = running.gather(num_read | "Count" >> beam.CombinePerKey(sum))
        shards = running.gather(kept | WriteShards(running.scratch))

        def after() -> Mapping[str, tuple[int, int]]:
            seen = dict(counted())
            num_kept = finish(shards(), names, running.location(output), columnar=columnar)
            return {name: (seen.get(name, 0), num_kept[name]) for name in names}

        return after

    counts: Mapping[str, tuple[int, int]] = job.run(
        _COMPONENT, params.beam_pipeline_args, output, build
    )
    return counts


class _Filter(beam.DoFn):
    """Yields the kept rows of a split, and how many rows there were."""

    _predicate: predicates.Predicate  # loaded by each worker: functions cannot be sent to it

    def __init__(self, params: FilterExamplesParams, split: str) -> None:
        self._params = params
        self._split = split

    def setup(self) -> None:
        self._predicate = predicates.load(self._params, _COMPONENT)

    def process(self, rows: tuple[pa.RecordBatch, list[bytes]] | list[bytes]) -> Iterator[Any]:
        batch, records = rows if isinstance(rows, tuple) else (None, rows)
        yield beam.pvalue.TaggedOutput(_NUM_READ, (self._split, len(records)))
        kept_batch, kept = self._predicate.kept(batch, records)
        if kept:
            found = SplitRows(split=self._split, records=kept, batch=kept_batch)
            yield beam.pvalue.TaggedOutput(_KEPT, found)

"""Compares rows on Beam, in buckets of identifiers; compares each bucket like the embedded engine.

TFDV's own pipeline handles one tf.Example at a time. Tests compare the embedded engine with it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from headrace_components.contract.task import Task
from headrace_components.example_diff import buckets
from headrace_components.example_diff import features as split_features
from headrace_components.example_diff.checks import check
from headrace_components.example_diff.features import ROWS_PER_BATCH, Kinds
from headrace_components.example_diff.found import Found, FoundRows, find
from headrace_components.example_diff.matching import RowNumbers
from headrace_components.example_diff.params import PairedSkew
from headrace_components.library.beam import job
from headrace_components.library.beam.examples import ReadPairs, ReadRecordBatches
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.data.split_pairs import SplitPair

_COMPONENT = "example_diff"

_BASE = "base"
_TEST = "test"

# The size of stored rows; in memory, a comparison takes about ten times as much.
_BYTES_PER_BUCKET = 8 << 20

Part = tuple[str, pa.RecordBatch, Sequence[bytes] | None]
"""Rows of a bucket: their side, the rows as list columns, and as records if pairs are sampled.
"""


def compare(
    task: Task,
    args: Sequence[str],
    pairs: Sequence[SplitPair],
    base_reader: ExamplesReader,
    test_reader: ExamplesReader,
    config: PairedSkew,
) -> list[Found]:
    """Returns the results for each pair of splits.

    Args:
        task: Has the examples and the output.
        args: `beam_pipeline_args`.
        pairs: The pairs.
        base_reader: The baseline, opened.
        test_reader: The examples under test, opened.
        config: How to pair and compare.

    Raises:
        InputError: As in the embedded engine.
    """

    def build(running: job.Job) -> Any:
        sources = {
            _BASE: (base_reader, running.location(task.input("baseline_examples"))),
            _TEST: (test_reader, running.location(task.input("examples"))),
        }
        gathered = [
            running.gather(
                running.pipeline | f"Pair[{pair.name}]" >> _Compare(pair, sources, config)
            )
            for pair in pairs
        ]
        return lambda: [read()[0] for read in gathered]

    found: list[Found] = job.run(_COMPONENT, args, task.output("example_diff_result"), build)
    return found


class _Compare(beam.PTransform):
    """Computes the results for one pair of splits."""

    def __init__(
        self,
        pair: SplitPair,
        sources: Mapping[str, tuple[ExamplesReader, str]],
        config: PairedSkew,
    ) -> None:
        super().__init__()
        self._splits = {_BASE: pair.baseline, _TEST: pair.test}
        self._sources = sources
        self._config = config
        files = [
            file
            for side, (reader, _) in sources.items()
            for file in reader.batch_files(self._splits[side])
        ]
        self._num_buckets = 1 + sum(file.stat().st_size for file in files) // _BYTES_PER_BUCKET

    def expand(self, pipeline: beam.Pipeline) -> Any:
        kinds, parts = {}, []
        for side, split in self._splits.items():
            rows = self._rows(pipeline, side)
            counted = rows | f"Kinds[{side}]" >> beam.CombineGlobally(_KindsFn(split))
            kinds[side] = beam.pvalue.AsSingleton(counted)
            divide = beam.FlatMap(_divided, side, self._config, self._num_buckets)
            parts.append(rows | f"Divide[{side}]" >> divide)
        return (
            parts
            | beam.Flatten()
            | "Meet" >> beam.GroupByKey()
            | "Find" >> beam.Map(_found, kinds[_BASE], kinds[_TEST], self._config)
            | "Add" >> beam.CombineGlobally(_FoundFn(self._config.skew_sample_size))
        )

    def _rows(self, pipeline: beam.Pipeline, side: str) -> Any:
        """Returns pairs of a record batch and its records, if pairs are sampled."""
        reader, location = self._sources[side]
        arguments = (reader, self._splits[side], location)
        if self._config.skew_sample_size:
            pairs = ReadPairs(*arguments, batch_size=ROWS_PER_BATCH)
            return pipeline | f"Read[{side}]" >> pairs
        batches = ReadRecordBatches(*arguments, batch_size=ROWS_PER_BATCH)
        return pipeline | f"Read[{side}]" >> batches | f"Alone[{side}]" >> beam.Map(_alone)


def _alone(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, None]:
    return batch, None


class _KindsFn(beam.CombineFn):
    """Combines rows to the kinds of their features."""

    def __init__(self, split: str) -> None:
        self._split = split

    def create_accumulator(self) -> Kinds:
        return Kinds(split=self._split)

    def add_input(self, kinds: Kinds, rows: tuple[pa.RecordBatch, Any]) -> Kinds:
        kinds.add_rows(rows[0])
        return kinds

    def merge_accumulators(self, accumulators: Iterable[Kinds]) -> Kinds:
        merged = self.create_accumulator()
        for kinds in accumulators:
            merged.add(kinds)
        return merged

    def extract_output(self, kinds: Kinds) -> Kinds:
        return kinds


def _divided(
    rows: tuple[pa.RecordBatch, Sequence[bytes] | None],
    side: str,
    config: PairedSkew,
    num_buckets: int,
) -> Iterator[tuple[int, Part]]:
    batch, records = rows
    for bucket, chosen in buckets.divided(batch, config, num_buckets):
        serialized = None if records is None else [records[row] for row in chosen]
        yield bucket, (side, batch.take(pa.array(chosen)), serialized)


def _found(
    bucket: tuple[int, Iterable[Part]], base: Kinds, test: Kinds, config: PairedSkew
) -> Found:
    # The kinds of all rows are known now, and are used for every bucket.
    check(config, base, test)
    number, parts = bucket
    by_side: dict[str, list[Part]] = {_BASE: [], _TEST: []}
    for part in parts:
        by_side[part[0]].append(part)
    sides = (_side(by_side[_BASE], base.split), _side(by_side[_TEST], test.split))
    return find(*sides, {*base.types, *test.types}, config, part=number)


def _side(parts: Sequence[Part], split: str) -> FoundRows:
    kinds = Kinds(split=split)
    features = split_features.read((batch for _, batch, _ in parts), kinds)
    records = [record for _, _, serialized in parts for record in serialized or ()]

    def chosen(rows: RowNumbers) -> Mapping[int, bytes]:
        return {row: records[row] for row in np.unique(rows).tolist()}

    return FoundRows(num_rows=kinds.num_rows, features=features, records=chosen)


class _FoundFn(beam.CombineFn):
    """Adds up the results of buckets."""

    def __init__(self, sample_size: int) -> None:
        self._sample_size = sample_size

    def create_accumulator(self) -> Found:
        return Found()

    def add_input(self, total: Found, found: Found) -> Found:
        total.add(found, self._sample_size)
        return total

    def merge_accumulators(self, accumulators: Iterable[Found]) -> Found:
        merged = Found()
        for found in accumulators:
            merged.add(found, self._sample_size)
        return merged

    def extract_output(self, found: Found) -> Found:
        return found

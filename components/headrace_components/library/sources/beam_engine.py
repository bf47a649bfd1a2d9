"""Makes examples on Beam: a worker reads a file or a query, all divide and write its rows.

Splits, spans and their files are found before; workers only read the contents of the inputs.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import apache_beam as beam

from headrace_components.contract.task import Artifact
from headrace_components.library.beam import job, locations
from headrace_components.library.beam.examples import Shard, SplitRows, WriteShards, finish
from headrace_components.library.sources.params import ExampleGenParams
from headrace_components.library.sources.partition import FeatureCheck, Partition, Sighting
from headrace_components.library.sources.source import Agreement, Facts, RowSource, Source

BlockPosition = tuple[int, int]
"""The position of rows: number of the input in its split, and number of the block in the input."""


def write(
    params: ExampleGenParams,
    inputs: Mapping[str, Sequence[str]],
    output: Artifact,
    source: RowSource,
) -> None:
    """Writes the inputs of each split as TFRecords; see `engines.write`."""

    def build(running: job.Job) -> Callable[[], None]:
        rows, sightings, warnings = [], [], []
        for split, addresses in inputs.items():
            blocks, agreement = read(running, split, addresses, source)
            divided = blocks | f"Divide[{split}]" >> _Divide(params, split, source, agreement)
            rows.append(divided.rows)
            sightings.append(divided.sightings)
            warnings.append(agreement | f"Warnings[{split}]" >> beam.Map(_warnings, split))
        shards = (
            rows
            | "Rows" >> beam.Flatten()
            | WriteShards(running.scratch, compression_level=params.compression_level)
        )
        written = _Written(
            shards=running.gather(shards),
            sightings=running.gather(sightings | "Sightings" >> beam.Flatten()),
            warnings=running.gather(warnings | "Warnings" >> beam.Flatten()),
        )
        location = running.location(output)
        return lambda: _finish(params, inputs, source, location, written)

    job.run(params.component, params.beam_pipeline_args, output, build)


def read(running: job.Job, split: str, addresses: Sequence[str], source: Source) -> tuple[Any, Any]:
    """Reads the inputs of a split.

    Returns:
        A collection of pairs of `BlockPosition` and block, and a collection of one `Agreement`.

    Raises:
        InputError: Workers do not see the files.
    """
    if source.reads_files:
        for address in addresses:
            running.options.check_seen(address)
        if running.options.is_remote:
            addresses = [locations.absolute(address) for address in addresses]
    blocks, agreement = running.pipeline | f"Read[{split}]" >> _Read(split, addresses, source)
    return blocks, agreement


class _Read(beam.PTransform):
    def __init__(self, split: str, addresses: Sequence[str], source: Source) -> None:
        super().__init__()
        self._split = split
        self._addresses = list(enumerate(addresses))
        self._source = source

    def expand(self, pipeline: beam.Pipeline) -> tuple[Any, Any]:
        """Returns blocks and agreement."""
        read = (
            pipeline
            | "Inputs" >> beam.Create(self._addresses)
            | "SpreadInputs" >> beam.Reshuffle()
            | "Read"
            >> beam.FlatMap(_read, self._split, self._source).with_outputs("facts", main="blocks")
        )
        facts = read.facts | "Facts" >> beam.combiners.ToList()
        return (
            read.blocks | "SpreadBlocks" >> beam.Reshuffle(),
            facts | "Agree" >> beam.Map(_agree, self._source),
        )


def _read(numbered: tuple[int, str], split: str, source: Source) -> Iterator[Any]:
    index, address = numbered
    num_blocks = 0
    for found in source.read(split, [address]):
        if isinstance(found, Facts):
            yield beam.pvalue.TaggedOutput("facts", (index, found.value))
        else:
            yield (index, num_blocks), found
            num_blocks += 1


def _agree(facts: Sequence[tuple[int, Any]], source: Source) -> Agreement:
    return source.agree([value for _, value in sorted(facts, key=itemgetter(0))])


def _warnings(agreement: Agreement, split: str) -> tuple[str, Sequence[str]]:
    return split, agreement.warnings


class _Divide(beam.PTransform):
    """Yields `SplitRows` as `rows`, and `sightings` of the feature that decides on the split."""

    def __init__(
        self, params: ExampleGenParams, split: str, source: RowSource, agreement: Any
    ) -> None:
        super().__init__()
        self._arguments = params, source, Partition(params.shares_of(split))
        self._agreement = agreement

    def expand(self, blocks: Any) -> Any:
        """Returns rows and sightings."""
        agreement = beam.pvalue.AsSingleton(self._agreement)
        divide = beam.FlatMap(_divide, agreement, *self._arguments)
        return blocks | "Divide" >> divide.with_outputs("sightings", main="rows")


def _divide(
    placed: tuple[BlockPosition, Any],
    agreement: Agreement,
    params: ExampleGenParams,
    source: RowSource,
    partition: Partition,
) -> Iterator[Any]:
    place, block = placed
    rows = source.rows(block, agreement.value)
    if source.column:
        sighting = Sighting.of(rows.batch, source.column)
        if place == (0, 0) or sighting.has_fractions:
            # Report the errors of this block now, and not after all rows are written.
            FeatureCheck(source.column).add(sighting)
        yield beam.pvalue.TaggedOutput("sightings", (place, sighting))
    for split, (records, batch) in zip(partition.split_names, rows.divided(partition), strict=True):
        if records:
            yield SplitRows(split=split, records=records, batch=batch if params.has_twin else None)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    """The results of the pipeline after its run."""

    shards: Callable[[], list[Shard]]
    sightings: Callable[[], list[tuple[BlockPosition, Sighting]]]
    warnings: Callable[[], list[tuple[str, Sequence[str]]]]


def _finish(
    params: ExampleGenParams,
    inputs: Mapping[str, Sequence[str]],
    source: RowSource,
    location: str,
    written: _Written,
) -> None:
    by_split = dict(written.warnings())
    for split in inputs:
        for warning in by_split[split]:
            logging.warning("%s", warning)
    if source.column:
        # Then there is only one input split.
        check = FeatureCheck(source.column)
        for _, sighting in sorted(written.sightings(), key=itemgetter(0)):
            check.add(sighting)
        check.finish()
    shards = written.shards()
    rows = [(shard.split, shard.manifest.num_rows) for shard in shards]
    check_rows(params, inputs, rows, source)
    finish(shards, params.split_names, location, columnar=params.has_twin)


def check_rows(
    params: ExampleGenParams,
    inputs: Mapping[str, Sequence[str]],
    rows: Iterable[tuple[str, int]],
    source: Source,
) -> None:
    """Logs the number of rows of the splits.

    Args:
        params: How input splits are divided.
        inputs: Addresses of the inputs by input split.
        rows: Names of splits, and numbers of rows that were written.
        source: How an input is read.

    Raises:
        InputError: An input split has no rows.
    """
    num_rows = Counter[str]()
    for split, some in rows:
        num_rows[split] += some
    for split, addresses in inputs.items():
        if not any(num_rows[share.name] for share in params.shares_of(split)):
            raise source.no_rows(split, addresses)
    for split in params.split_names:
        logging.info("%s: split %r has %d rows.", params.component, split, num_rows[split])

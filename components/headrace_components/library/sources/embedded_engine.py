"""Makes examples in this process: reads the inputs one after the other, one block at a time."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from headrace_components.contract.task import Artifact
from headrace_components.library.data.examples import ExamplesWriter
from headrace_components.library.sources.configs import OutputSplit
from headrace_components.library.sources.params import ExampleGenParams
from headrace_components.library.sources.partition import FeatureCheck, Partition, Sighting
from headrace_components.library.sources.rows import DecodedRows
from headrace_components.library.sources.source import Facts, RowSource


def write(
    params: ExampleGenParams,
    inputs: Mapping[str, Sequence[str]],
    output: Artifact,
    source: RowSource,
) -> None:
    """Writes the inputs of each split as TFRecords; see `engines.write`."""
    with source.opened() as read:
        for split, addresses in inputs.items():
            rows = _checked(_rows(source, read(split, addresses)), source)
            if not _write_splits(rows, params.shares_of(split), output.path, params):
                raise source.no_rows(split, addresses)


def _rows(source: RowSource, found: Iterator[Any]) -> Iterator[DecodedRows]:
    agreed = None
    if source.agrees_first:
        facts = [each.value for each in found if isinstance(each, Facts)]
        agreement = source.agree(facts)
        for warning in agreement.warnings:
            logging.warning("%s", warning)
        agreed, found = agreement.value, source.reread(facts)
    for block in found:
        if not isinstance(block, Facts):
            yield source.rows(block, agreed)


def _checked(rows: Iterable[DecodedRows], source: RowSource) -> Iterator[DecodedRows]:
    """Yields the rows unchanged.

    Raises:
        InputError: The column for the split cannot decide on it.
    """
    if not source.column:
        yield from rows
        return
    check = FeatureCheck(source.column)
    for some in rows:
        check.add(Sighting.of(some.batch, source.column))
        yield some
    check.finish()


def _write_splits(
    rows: Iterable[DecodedRows],
    shares: Sequence[OutputSplit],
    output: Path,
    params: ExampleGenParams,
) -> int:
    """Writes one input split as one or several output splits.

    Args:
        rows: All rows of the input split.
        shares: The output splits, and the share of each.
        output: Directory of the Examples artifact.
        params: How to write.

    Returns:
        The number of rows.
    """
    partition = Partition(shares)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                ExamplesWriter(
                    output,
                    name,
                    columnar=params.has_twin,
                    compression_level=params.compression_level,
                )
            )
            for name in partition.split_names
        ]
        for some in rows:
            for writer, (records, batch) in zip(writers, some.divided(partition), strict=True):
                if batch is None:
                    writer.write_records(records)
                else:
                    writer.write(batch, records)
    for writer, name in zip(writers, partition.split_names, strict=True):
        logging.info("%s: split %r has %d rows.", params.component, name, writer.num_rows)
    return sum(writer.num_rows for writer in writers)

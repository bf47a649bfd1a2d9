"""Keeps the rows of examples that the user's function chooses."""

import logging
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Artifact, Task
from headrace_components.filter_examples import predicates
from headrace_components.filter_examples.params import FilterExamplesParams
from headrace_components.filter_examples.predicates import BATCHES, Predicate
from headrace_components.library.data import examples_record, splits
from headrace_components.library.data.examples import ExamplesReader, ExamplesWriter

ROWS_PER_BATCH = 10_000

# The metadata that describe examples. A backend adds its own metadata, which are not copied.
_METADATA = (
    "span",
    "version",
    "split_names",
    "payload_format",
    "file_format",
    "input_fingerprint",
    "data_view_uri",
    "data_view_id",
    "data_view_create_time_since_epoch",
)


def execute(task: Task) -> None:
    """Writes the kept rows as `Split-<name>` to the output `filtered_examples`."""
    params = read(FilterExamplesParams, task.params, task.component)
    examples = task.input("examples")
    names = splits.selected(examples, ())
    predicate = predicates.load(params, task.component)
    _check_payload(examples, predicate)
    reader = ExamplesReader(examples.path, task.component)
    for name in names:
        reader.check_split(name)
    output = task.output("filtered_examples")
    if params.beam_pipeline_args:
        # Imported here: the import of Beam takes seconds, and only few tasks need it.
        from headrace_components.filter_examples import beam_engine

        counts = beam_engine.filter_splits(params, examples, reader, predicate.kind, names, output)
    else:
        counts = {name: _filter(reader, name, predicate, output) for name in names}
    _check_counts(counts, names, predicate)
    splits.describe(examples, output, names)
    handed_on = {key: examples.metadata[key] for key in _METADATA if key in examples.metadata}
    examples_record.publish(output, {**output.metadata, **handed_on})


def _check_payload(examples: Artifact, predicate: Predicate) -> None:
    payload = examples.metadata.get("payload_format", "FORMAT_TF_EXAMPLE")
    if payload == "FORMAT_PARQUET":
        raise InputError(
            "`examples` has payload format 'FORMAT_PARQUET', expected TFRecords. "
            "Make the examples with parquet_example_gen, which writes tf.Examples."
        )
    if predicate.kind == BATCHES and payload != "FORMAT_TF_EXAMPLE":
        raise InputError(
            f"`examples` has payload format {payload!r}, but {BATCHES} needs "
            "'FORMAT_TF_EXAMPLE'. Define filter_fn, which gets each record as it is."
        )


def _check_counts(
    counts: Mapping[str, tuple[int, int]], names: Sequence[str], predicate: Predicate
) -> None:
    for name in names:
        logging.info("Split %r: kept %d of %d rows.", name, counts[name][1], counts[name][0])
    num_read, num_kept = (sum(numbers) for numbers in zip(*counts.values(), strict=True))
    if num_read and not num_kept:
        raise InputError(
            f"{predicate.kind} kept none of the {num_read} rows of the splits "
            f"{list(names)}, expected at least one. Correct its condition."
        )


def _filter(
    reader: ExamplesReader, split: str, predicate: Predicate, output: Artifact
) -> tuple[int, int]:
    """Writes one split and returns its number of rows and of kept rows."""
    num_read = 0
    has_batches = predicate.kind == BATCHES or reader.has_columnar(split)
    with ExamplesWriter(output.path, split, columnar=has_batches) as writer:
        for batch, records in _rows(reader, split, has_batches):
            kept_batch, kept_records = predicate.kept(batch, records)
            if kept_batch is None:
                writer.write_records(kept_records)
            else:
                writer.write(kept_batch, kept_records)
            num_read += len(records)
    return num_read, writer.num_rows


def _rows(
    reader: ExamplesReader, split: str, has_batches: bool
) -> Iterator[tuple[pa.RecordBatch | None, list[bytes]]]:
    """Yields rows as list columns, if wanted, together with the same rows as records."""
    if has_batches:
        yield from reader.pairs(split, batch_size=ROWS_PER_BATCH)
        return
    for records in reader.serialized(split, batch_size=ROWS_PER_BATCH):
        yield None, records

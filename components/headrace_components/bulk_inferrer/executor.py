"""Runs a SavedModel on all rows, in large batches."""

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from headrace_components.bulk_inferrer import output_columns, prediction_logs
from headrace_components.bulk_inferrer.params import BulkInferrerParams, OutputColumns
from headrace_components.bulk_inferrer.predictor import BATCH_ROWS, Predictor, called
from headrace_components.contract import reasons
from headrace_components.contract.errors import InputError
from headrace_components.contract.notices import announce
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.data.columnar import numbered
from headrace_components.library.data.examples import (
    ExamplesReader,
    ExamplesWriter,
    examples_metadata,
)
from headrace_components.library.data.tfrecord import TFRecordWriter
from headrace_components.library.models.blessings import is_blessed


def execute(task: Task) -> None:
    """Writes `prediction_logs-*.gz`, or `Split-<name>/examples-*.gz` if columns are asked for.

    A model that is not blessed leaves both outputs empty.
    """
    params = read(BulkInferrerParams, task.params, task.component)
    blessing = task.optional_input("model_blessing")
    if blessing is not None and not is_blessed(blessing, "BLESSED", "NOT_BLESSED"):
        announce("bulk_inferrer: nothing is predicted: %s is not a blessing.", blessing.uri)
        for output in task.outputs.values():
            output.metadata["num_predictions"] = 0
            output.metadata[reasons.KEY] = reasons.to_text(["the model is not blessed"])
        return
    artifacts = task.inputs.get("examples") or (task.input("examples"),)
    readers = [ExamplesReader(artifact.path, task.component) for artifact in artifacts]
    splits = _splits(readers, params.splits)
    model = called(task.input("model"), params)
    specs = {}
    if params.output_columns:
        specs = output_columns.by_signature(params.output_columns, model.signatures)
    target = task.output("output_examples" if specs else "inference_result")
    start = time.monotonic()
    if params.beam_pipeline_args:
        # Imported here: the import of Beam takes seconds, and only few tasks need it.
        from headrace_components.bulk_inferrer import beam_engine

        num_rows = beam_engine.predict(task, params, model, specs, readers, splits)
    else:
        predictor = Predictor(model, str(model.folder))
        if specs:
            written = [_write_examples(predictor, specs, readers, s, target.path) for s in splits]
            num_rows = sum(written)
        else:
            num_rows = _write_logs(predictor, readers, splits, target.path)
    if specs:
        span = int(artifacts[0].metadata.get("span", 0))
        target.metadata.update(examples_metadata(splits, span=span))
    target.metadata["num_predictions"] = num_rows
    seconds = time.monotonic() - start
    logging.info("bulk_inferrer: predicted %d rows in %.1f s.", num_rows, seconds)


def _splits(readers: Sequence[ExamplesReader], wanted: Sequence[str]) -> list[str]:
    known = sorted({split for reader in readers for split in reader.split_names})
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise InputError(
            f"`example_splits` of `data_spec` names {unknown}, but `examples` has "
            f"the splits {known}. Name only those, or none for all."
        )
    return [split for split in known if split in wanted or not wanted]


def _write_logs(
    predictor: Predictor, readers: Sequence[ExamplesReader], splits: Sequence[str], target: Path
) -> int:
    num_rows = 0
    with TFRecordWriter(target / numbered(prediction_logs.FILE_PREFIX, ".gz", 0)) as writer:
        for split in splits:
            for reader in _having(readers, split):
                for records in reader.serialized(split, batch_size=BATCH_ROWS):
                    writer.write(predictor.logs(records))
                    num_rows += len(records)
    return num_rows


def _write_examples(
    predictor: Predictor,
    specs: Mapping[str, OutputColumns],
    readers: Sequence[ExamplesReader],
    split: str,
    target: Path,
) -> int:
    with ExamplesWriter(target, split, prefix=output_columns.FILE_PREFIX) as writer:
        for reader in _having(readers, split):
            for batch, records in reader.pairs(split, batch_size=BATCH_ROWS):
                if records:
                    outputs = predictor.predict(records)
                    writer.write(output_columns.added(batch, specs, outputs))
    return writer.num_rows


def _having(readers: Sequence[ExamplesReader], split: str) -> list[ExamplesReader]:
    return [reader for reader in readers if split in reader.split_names]

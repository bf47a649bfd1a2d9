"""Runs a SavedModel on all rows, in this process and in large batches."""

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace_components import saved_model
from headrace_components.blessings import is_blessed
from headrace_components.bulk_inferrer import output_columns, prediction_logs
from headrace_components.bulk_inferrer.params import BulkInferrerParams, OutputColumns
from headrace_components.data.example_encoder import encode_examples
from headrace_components.data.examples import ExamplesReader, ExamplesWriter, examples_metadata
from headrace_components.data.tfrecord import TFRecordWriter
from headrace_components.errors import InputError
from headrace_components.parameters import read
from headrace_components.saved_model import LoadedModel
from headrace_components.task import Artifact, Task

LOGS_FILE = "prediction_logs-00000-of-00001.gz"
EXAMPLES_PREFIX = "examples"

# Large enough that a call's fixed cost does not show, small enough for wide outputs.
_BATCH_ROWS = 4096


def execute(task: Task) -> None:
    """Writes `prediction_logs-*.gz`, or `Split-<name>/examples-*.gz` where columns are asked for.

    A model that is not blessed leaves both outputs empty.
    """
    params = read(BulkInferrerParams, task.params, task.component)
    blessing = task.optional_input("model_blessing")
    if blessing is not None and not is_blessed(blessing, "BLESSED", "NOT_BLESSED"):
        logging.info("bulk_inferrer: nothing is predicted: %s is no blessing.", blessing.uri)
        return
    artifacts = task.inputs.get("examples") or (task.input("examples"),)
    readers = [ExamplesReader(artifact.path, task.component) for artifact in artifacts]
    splits = _splits(readers, params.splits)
    model = _Model(task.component, task.input("model"), params)
    start = time.monotonic()
    if params.output_columns:
        specs = output_columns.by_signature(params.output_columns, model.signatures)
        target = task.output("output_examples")
        num_rows = sum(_write_examples(model, specs, readers, s, target.path) for s in splits)
        span = int(artifacts[0].metadata.get("span", 0))
        target.metadata.update(examples_metadata(splits, span=span))
    else:
        num_rows = _write_logs(model, readers, splits, task.output("inference_result").path)
    seconds = time.monotonic() - start
    logging.info("bulk_inferrer: predicted %d rows in %.1f s.", num_rows, seconds)


def _splits(readers: Sequence[ExamplesReader], wanted: Sequence[str]) -> list[str]:
    known = sorted({split for reader in readers for split in reader.split_names})
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise InputError(
            f"bulk_inferrer: `example_splits` of `data_spec` names {unknown}, but `examples` has "
            f"the splits {known}. Name only those, or none for all."
        )
    return [split for split in known if split in wanted or not wanted]


class _Model:
    """The model with the signatures that are called."""

    def __init__(self, component: str, artifact: Artifact, params: BulkInferrerParams) -> None:
        self._component = component
        folder = saved_model.serving_directory(component, artifact)
        self.signatures = saved_model.read_signatures(
            component, folder, params.tags, params.signatures
        )
        self._inputs = {
            name: saved_model.records_input(component, name, signature)
            for name, signature in self.signatures.items()
        }
        _check_methods(self.signatures)
        self._model = LoadedModel(component, folder, params.tags)

    def predict(self, records: Sequence[bytes]) -> dict[str, dict[str, Any]]:
        """Returns, by signature and output, an array with an element per record."""
        answers = {
            name: self._model.answer(name, {key: records}) for name, key in self._inputs.items()
        }
        for name, outputs in answers.items():
            for key, array in outputs.items():
                if array.shape[:1] != (len(records),):
                    raise InputError(
                        f"bulk_inferrer: output {key!r} of signature {name!r} has shape "
                        f"{array.shape} for {len(records)} rows, expected a first dimension of "
                        f"{len(records)}. Save the model with an answer per row."
                    )
        return answers

    def logs(self, records: Sequence[bytes]) -> list[bytes]:
        """Returns a serialized `PredictionLog` per record."""
        outputs = self.predict(records)
        return prediction_logs.build(self._component, self.signatures, records, outputs)


def _check_methods(signatures: Mapping[str, Any]) -> None:
    methods = {name: signature.method_name for name, signature in signatures.items()}
    allowed = [saved_model.CLASSIFY, saved_model.REGRESS]
    if len(methods) == 1:
        allowed.append(saved_model.PREDICT)
    for name, method in methods.items():
        if method not in allowed:
            raise InputError(
                f"bulk_inferrer: signature {name!r} has the method {method!r}, expected one of "
                f"{allowed}, since {len(methods)} are called. Name one signature in "
                "`model_signature_name`, or several that classify or regress."
            )


def _write_logs(
    model: _Model, readers: Sequence[ExamplesReader], splits: Sequence[str], target: Path
) -> int:
    num_rows = 0
    with TFRecordWriter(target / LOGS_FILE) as writer:
        for split in splits:
            for reader in _having(readers, split):
                for records in reader.serialized(split, batch_size=_BATCH_ROWS):
                    writer.write(model.logs(records))
                    num_rows += len(records)
    return num_rows


def _write_examples(
    model: _Model,
    specs: Mapping[str, OutputColumns],
    readers: Sequence[ExamplesReader],
    split: str,
    target: Path,
) -> int:
    with ExamplesWriter(target, split, prefix=EXAMPLES_PREFIX) as writer:
        for reader in _having(readers, split):
            for batch in reader.record_batches(split, batch_size=_BATCH_ROWS):
                if batch.num_rows:
                    outputs = model.predict(encode_examples(batch))
                    writer.write(output_columns.added(batch, specs, outputs))
    return writer.num_rows


def _having(readers: Sequence[ExamplesReader], split: str) -> list[ExamplesReader]:
    return [reader for reader in readers if split in reader.split_names]

"""Evaluates with TFMA on Beam.

That is for rows that outgrow one machine and, on Beam's in-memory runner, for whatever the embedded
engine does not compute.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow_model_analysis as tfma
from tfx_bsl.tfxio import tensor_adapter

from headrace_components.beam import job, locations
from headrace_components.beam.examples import ReadPairs
from headrace_components.evaluator import results
from headrace_components.evaluator.rows import (
    BATCH_SIZE,
    EvaluationRows,
    check_labels,
    label_keys,
)
from headrace_components.task import Artifact


def evaluate(
    rows: EvaluationRows,
    config: Any,
    models: list[Any],
    *,
    examples: Artifact,
    output: Artifact,
    extractors: list[Any] | None = None,
    is_rubber_stamp: bool = False,
    args: Sequence[str] = (),
) -> None:
    """Computes metrics, plots and validations, and writes them into `output`.

    Args:
        rows: The examples.
        config: A `tfma.EvalConfig` with its defaults.
        models: `tfma.EvalSharedModel`s by model spec; none where predictions are a feature.
        examples: The artifact that holds the rows.
        output: The evaluation.
        extractors: What the user's `custom_extractors` returned, or None for TFMA's own.
        is_rubber_stamp: Whether a missing baseline passes where only changes have thresholds.
        args: `beam_pipeline_args`; none for the in-memory runner.

    Raises:
        InputError: A feature or label that the config names is missing.
    """
    rows.check_first_rows(config, has_model=bool(models))

    def build(running: job.Job) -> Callable[[], None]:
        written = locations.join(running.scratch, "evaluation")
        where = running.location(examples)
        pairs = tuple(
            running.pipeline
            | f"Read[{split}]"
            >> ReadPairs(rows.reader, split, where, "evaluator", batch_size=BATCH_SIZE)
            for split in rows.splits
        )
        batches = (
            pairs
            | "AllSplits" >> beam.Flatten()
            | "Check" >> beam.ParDo(_Check(label_keys(config), rows.splits))
        )
        names = running.gather(
            batches
            | "Names" >> beam.Map(lambda batch: frozenset(batch.schema.names))
            | "AllNames" >> beam.CombineGlobally(_union)
        )
        _ = batches | "Evaluate" >> tfma.ExtractEvaluateAndWriteResults(
            eval_shared_model=one_or_all(models),
            eval_config=config,
            extractors=extractors,
            writers=results.beam_writers(config, written, is_rubber_stamp=is_rubber_stamp),
            output_path=written,
            schema=rows.schema,
            tensor_adapter_config=adapter_config(rows),
        )

        def fetch() -> None:
            (there,) = names()
            rows.check_names(there, config, has_model=bool(models))
            for name in locations.names_in(written):
                content = locations.read_bytes(locations.join(written, name))
                (output.path / name).write_bytes(content)

        return fetch

    job.run("evaluator", args, output, build)


def one_or_all(models: list[Any]) -> Any:
    """Returns models as TFMA takes them: one alone, or a list; None where there are none."""
    return models[0] if len(models) == 1 else models or None


def adapter_config(rows: EvaluationRows) -> Any:
    """Returns how the features become tensors, or None where no schema says so."""
    if rows.schema is None:
        return None
    representations = rows.tensor_representations()
    batch, _ = next(rows.batches())
    known = {name: value for name, value in representations.items() if name in batch.schema.names}
    return tensor_adapter.TensorAdapterConfig(
        arrow_schema=batch.schema, tensor_representations=known
    )


def _union(names: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*names)


class _Check(beam.DoFn):
    """Pairs to batches as TFMA takes them: with the serialized tf.Examples as a column."""

    def __init__(self, labels: Collection[str], splits: Sequence[str]) -> None:
        self._labels = labels
        self._splits = splits

    def process(self, pair: tuple[pa.RecordBatch, list[bytes]]) -> Iterator[pa.RecordBatch]:
        batch, serialized = pair
        for name in sorted(set(self._labels) & set(batch.schema.names)):
            check_labels(name, batch[name], self._splits, rows="rows of a batch")
        records = pa.array([[record] for record in serialized], pa.large_list(pa.large_binary()))
        yield pa.RecordBatch.from_arrays(
            [*batch.columns, records], [*batch.schema.names, tfma.ARROW_INPUT_COLUMN]
        )

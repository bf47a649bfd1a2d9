"""Evaluates with TFMA on Beam: whatever the embedded engine does not compute."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow_model_analysis as tfma
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tfx_bsl.tfxio import tensor_adapter

from headrace_components.evaluator.rows import EvaluationRows


def evaluate(
    rows: EvaluationRows,
    config: Any,
    models: list[Any],
    output: Path,
    *,
    extractors: list[Any] | None,
    writers: list[Any],
) -> None:
    """Computes metrics, plots and validations, and writes them under `output`.

    Args:
        rows: The examples.
        config: A `tfma.EvalConfig` with its defaults.
        models: `tfma.EvalSharedModel`s by model spec; none where predictions are a feature.
        output: Directory of the evaluation.
        extractors: What the user's `custom_extractors` returned, or None for TFMA's own.
        writers: TFMA's writers of the results.
    """
    # One note per type hint of TFMA's that Beam does not follow: pages, and nothing to act on.
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    # By its class: what `DirectRunner` means has changed, to one that downloads a binary.
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        batches = pipeline | "Splits" >> beam.Create([rows]) | "Read" >> beam.FlatMap(_with_records)
        _ = batches | "Evaluate" >> tfma.ExtractEvaluateAndWriteResults(
            eval_shared_model=one_or_all(models),
            eval_config=config,
            extractors=extractors,
            writers=writers,
            output_path=str(output),
            schema=rows.schema,
            tensor_adapter_config=adapter_config(rows),
        )


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


def _with_records(rows: EvaluationRows) -> Iterator[pa.RecordBatch]:
    for batch, serialized in rows.batches():
        records = pa.array([[record] for record in serialized], pa.large_list(pa.large_binary()))
        yield pa.RecordBatch.from_arrays(
            [*batch.columns, records], [*batch.schema.names, tfma.ARROW_INPUT_COLUMN]
        )

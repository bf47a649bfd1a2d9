"""Analyzes the rows on Beam's in-memory runner, for what the embedded engine does not know.

TensorFlow Transform does all of it; it is given large Arrow batches.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow_transform.beam as tft_beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import impl_helper, tf2_utils
from tensorflow_transform.beam import analysis_graph_builder
from tensorflow_transform.beam import analyzer_cache as tft_cache

from headrace_components.transform.embedded_engine import Dataset
from headrace_components.transform.graph_interpreter import num_phases
from headrace_components.transform.raw_data import RawData
from headrace_components.transform.user_functions import PreprocessingFn


def analyze(
    function: PreprocessingFn,
    data: RawData,
    datasets: Sequence[Dataset],
    directory: Path,
    *,
    cache_input: Path | None,
    cache_output: Path | None,
    force_tf_compat_v1: bool,
    temp_dir: str,
) -> schema_pb2.Schema:
    """Writes `transform_fn`, `transformed_metadata` and the analyzer cache.

    Args:
        function: The `preprocessing_fn`.
        data: The rows.
        datasets: What to analyze.
        directory: The transform graph to write.
        cache_input: Accumulators of an earlier run, or None.
        cache_output: Where to write accumulators; None neither reads nor writes any.
        force_tf_compat_v1: Whether to trace as TensorFlow 1 graph code.
        temp_dir: Where TFT keeps intermediate graphs.

    Returns:
        The schema of the outputs, as far as it is known without values of analyzers.
    """
    _check(data, datasets)
    context = tft_beam.Context(temp_dir=temp_dir, force_tf_compat_v1=force_tf_compat_v1)
    with beam.Pipeline(runner=_runner(function, data, force_tf_compat_v1)) as pipeline, context:
        rows = {
            dataset.key: pipeline
            | f"Split[{dataset.split}]" >> beam.Create([dataset.split])
            | f"Read[{dataset.split}]" >> beam.FlatMap(_read, data)
            for dataset in datasets
        }
        cache: tft_cache.BeamAnalysisCache | None = None
        if cache_output is not None:
            cache = {}
        if cache_output is not None and cache_input is not None:
            cache = pipeline | tft_cache.ReadAnalysisCacheFromFS(str(cache_input), list(rows))
        transform_fn, made = (
            rows,
            cache,
            data.adapter_config,
        ) | tft_beam.AnalyzeDatasetWithCache(function, pipeline=pipeline)
        _ = transform_fn | tft_beam.WriteTransformFn(str(directory))
        if cache_output is not None and made:
            _ = made | tft_cache.WriteAnalysisCacheToFS(
                pipeline=pipeline, cache_base_dir=str(cache_output), dataset_keys=list(rows)
            )
        schema: schema_pb2.Schema = transform_fn[1].schema
    return schema


def _runner(function: PreprocessingFn, data: RawData, force_tf_compat_v1: bool) -> Any:
    """Returns the in-memory runner that can run the analysis.

    FnApiRunner is the faster one. It stops with pending bundles (Beam 2.72) where a phase reads a
    vocabulary that an earlier one made; the other loses a side input where a vocabulary is ordered
    by mutual information. Beam's default would look for a server to download.
    """
    use_tf_compat_v1 = tf2_utils.use_tf_compat_v1(force_tf_compat_v1)
    traced = impl_helper.trace_preprocessing_function(
        function, data.type_specs(), use_tf_compat_v1=use_tf_compat_v1
    )
    root, _, _ = analysis_graph_builder.build(*traced)
    return FnApiRunner() if num_phases(root) < 2 else "BundleBasedDirectRunner"


def _check(data: RawData, datasets: Sequence[Dataset]) -> None:
    """Reads all rows: what contradicts the schema is told here, before Beam wraps it."""
    for dataset in datasets:
        for batch in data.record_batches(dataset.split):
            data.tensors(batch, dataset.split)


def _read(split: str, data: RawData) -> Iterator[pa.RecordBatch]:
    yield from data.record_batches(split)

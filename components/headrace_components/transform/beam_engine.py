"""Analyzes the rows on Beam: TensorFlow Transform does everything, on large Arrow batches.

It also runs everything that the embedded engine does not support, on Beam's in-memory runner.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_transform import impl_helper, tf2_utils
from tensorflow_transform.beam import analysis_graph_builder
from tensorflow_transform.beam import analyzer_cache as tft_cache

from headrace_components.library.beam import job, locations, tensorflow_files
from headrace_components.library.beam.options import BeamOptions
from headrace_components.transform import analyzer_cache
from headrace_components.transform.beam_rows import ReadRaw
from headrace_components.transform.embedded_engine import Dataset
from headrace_components.transform.graph_errors import tft_errors_explained
from headrace_components.transform.graph_interpreter import num_phases
from headrace_components.transform.raw_data import RawColumns
from headrace_components.transform.requests import AnalysisRequest
from headrace_components.transform.user_functions import PreprocessingFn


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenGraph:
    """A transform graph that TFT wrote.

    Attributes:
        graph: Its location.
        asset_map: File name of each vocabulary, by the name that the author gave it.
    """

    graph: str
    asset_map: Mapping[str, str]


def analyze(
    request: AnalysisRequest,
    function: PreprocessingFn,
    columns: RawColumns,
    datasets: Sequence[Dataset],
) -> WrittenGraph:
    """Writes `transform_fn`, `transformed_metadata` and the analyzer cache.

    Args:
        request: The request.
        function: The `preprocessing_fn`; it raises InputError for mistakes of its author.
        columns: The features that it needs.
        datasets: The splits, and their names in a cache.

    Raises:
        InputError: The rows contradict the schema, or the graph does not run on them.
    """

    def build(running: job.Job) -> Callable[[], Any]:
        # Workers must be able to reach the files that TFT writes between its steps.
        temp_dir = running.scratch if running.options.is_remote else request.temp_dir
        context = tft_beam.Context(temp_dir=temp_dir, force_tf_compat_v1=request.force_tf_compat_v1)
        graph = tensorflow_files.checked(running.location(request.graph))
        where = running.location(request.examples)
        rows = {
            dataset.key: running.pipeline
            | f"Read[{dataset.split}]"
            >> ReadRaw(request.data.reader, columns, dataset.split, where)
            for dataset in datasets
        }
        cache = _cache(running, request, list(rows))
        with context:
            transform_fn, made = (
                rows,
                cache,
                columns.adapter_config,
            ) | tft_beam.AnalyzeDatasetWithCache(function, pipeline=running.pipeline)
            _ = transform_fn | tft_beam.WriteTransformFn(graph)
            if request.cache_output is not None and made:
                _ = made | tft_cache.WriteAnalysisCacheToFS(
                    pipeline=running.pipeline,
                    cache_base_dir=running.location(request.cache_output),
                    dataset_keys=list(rows),
                )
        return lambda: WrittenGraph(graph=graph, asset_map=_asset_map(graph))

    args = _args(request, function, columns)
    with tft_errors_explained(request.component, request.splits):
        written: WrittenGraph = job.run(request.component, args, request.graph, build)
    return written


def _args(
    request: AnalysisRequest, function: PreprocessingFn, columns: RawColumns
) -> Sequence[str]:
    """Returns `beam_pipeline_args` with a runner that can run the analysis.

    FnApiRunner is the faster in-memory runner. But it stops with pending bundles (Beam 2.72) if a
    phase reads a vocabulary from an earlier phase. The other runner, with one worker, loses a side
    input if a vocabulary is ordered by mutual information.
    """
    options = BeamOptions(request.beam_args)
    if not isinstance(options.runner(), FnApiRunner):
        return request.beam_args
    use_tf_compat_v1 = tf2_utils.use_tf_compat_v1(request.force_tf_compat_v1)
    traced = impl_helper.trace_preprocessing_function(
        function, columns.type_specs(), use_tf_compat_v1=use_tf_compat_v1
    )
    root, _, _ = analysis_graph_builder.build(*traced)
    if num_phases(root) < 2:
        return request.beam_args
    logging.info("%s: analyzers read what others make: one worker analyzes.", request.component)
    return [*request.beam_args, "--runner=BundleBasedDirectRunner"]


def _cache(running: job.Job, request: AnalysisRequest, keys: Sequence[tft_cache.DatasetKey]) -> Any:
    """Returns TFT's cache, with the results of an earlier run; None if no cache is wanted."""
    if request.cache_output is None:
        return None
    if request.cache_input is None:
        return {}
    source = running.location(request.cache_input)
    # A later run may need the cached results of these data sets again.
    analyzer_cache.copy(source, running.location(request.cache_output), keys)
    return running.pipeline | tft_cache.ReadAnalysisCacheFromFS(source, keys)


def _asset_map(graph: str) -> Mapping[str, str]:
    name = locations.join(graph, "transformed_metadata", tft.TFTransformOutput.ASSET_MAP)
    return dict(json.loads(locations.read_bytes(name))) if locations.exists(name) else {}

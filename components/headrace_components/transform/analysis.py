"""Turns a `preprocessing_fn` and the rows to analyze into a transform graph on disk."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import tf2_utils

from headrace_components.errors import InputError
from headrace_components.transform import analyzer_cache, beam_engine
from headrace_components.transform.embedded_engine import Dataset, EmbeddedAnalysis
from headrace_components.transform.raw_data import RawData
from headrace_components.transform.tracing import trace
from headrace_components.transform.user_functions import PreprocessingFn, guarded


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisRequest:
    """What to analyze and where the results go.

    Attributes:
        component: Name of the component, for error messages.
        function: The user's `preprocessing_fn`.
        data: The rows.
        splits: Names of the splits to analyze.
        patterns: What matches the files of each split, as a URI: their names in a cache.
        graph: Directory of the transform graph to write.
        cache_input: Accumulators of an earlier run, or None.
        cache_output: Where to write accumulators; None neither reads nor writes any.
        force_tf_compat_v1: Whether to trace as TensorFlow 1 graph code.
        temp_dir: A directory for intermediate files.
    """

    component: str
    function: PreprocessingFn
    data: RawData
    splits: Sequence[str]
    patterns: Mapping[str, str]
    graph: Path
    cache_input: Path | None
    cache_output: Path | None
    force_tf_compat_v1: bool
    temp_dir: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisResult:
    """What an analysis found out besides what it wrote.

    Attributes:
        schema: Schema of the transformed features without what analyzers say about them, as TFX
            gives it to the statistics.
        asset_map: From the name an author gave a vocabulary to its file's name.
        analyzed_columns: Raw features that analyzers read.
        transformed_columns: Raw features that transformed ones depend on.
    """

    schema: schema_pb2.Schema
    asset_map: Mapping[str, str]
    analyzed_columns: frozenset[str]
    transformed_columns: frozenset[str]


def analyze(request: AnalysisRequest) -> AnalysisResult:
    """Writes `transform_fn`, `transformed_metadata` and the analyzer cache.

    The embedded engine does it where it knows every operation of the graph, TFT on Beam otherwise;
    which one is known before any row is read.

    Raises:
        InputError: `preprocessing_fn` does not trace, or there is no row to analyze.
    """
    if tf2_utils.use_tf_compat_v1(request.force_tf_compat_v1):
        return analyze_on_beam(request, "TensorFlow runs as version 1")
    function = guarded(request.function, request.component)
    specs = request.data.type_specs()
    traced = trace(function, specs, request.temp_dir, request.component)
    datasets = _datasets(request)
    engine = EmbeddedAnalysis(
        traced,
        request.data,
        datasets,
        with_cache=request.cache_output is not None,
        temp_dir=request.temp_dir,
        component=request.component,
    )
    if engine.unknown:
        return analyze_on_beam(request, f"it needs {sorted(engine.unknown)}")
    if traced.analyzed_columns:
        _check_rows(request)
    engine.write_graph(request.graph)
    if request.cache_output is not None:
        _take_over_cache(request, datasets)
        engine.write_cache(request.cache_output)
    return AnalysisResult(
        schema=traced.schema,
        asset_map=traced.asset_map,
        analyzed_columns=traced.analyzed_columns,
        transformed_columns=traced.transformed_columns,
    )


def analyze_on_beam(request: AnalysisRequest, reason: str = "asked to") -> AnalysisResult:
    """Does what `analyze` does, with TensorFlow Transform's own Beam pipeline.

    Args:
        request: What to analyze.
        reason: Why, for the log.

    Raises:
        InputError: `preprocessing_fn` does not trace, or there is no row to analyze.
    """
    logging.info("%s: analyzing on Beam's in-memory runner: %s.", request.component, reason)
    function = guarded(request.function, request.component)
    specs = request.data.type_specs()
    analyzed = tft.get_analyze_input_columns(function, specs, request.force_tf_compat_v1)
    transformed = tft.get_transform_input_columns(function, specs, request.force_tf_compat_v1)
    if analyzed:
        _check_rows(request)
    datasets = _datasets(request)
    if request.cache_output is not None:
        _take_over_cache(request, datasets)
    schema = beam_engine.analyze(
        function,
        request.data.project({*analyzed, *transformed}),
        datasets,
        request.graph,
        cache_input=request.cache_input,
        cache_output=request.cache_output,
        force_tf_compat_v1=request.force_tf_compat_v1,
        temp_dir=request.temp_dir,
    )
    return AnalysisResult(
        schema=schema,
        asset_map=_asset_map(request.graph),
        analyzed_columns=frozenset(analyzed),
        transformed_columns=frozenset(transformed),
    )


def _asset_map(graph: Path) -> Mapping[str, str]:
    path = graph / "transformed_metadata" / tft.TFTransformOutput.ASSET_MAP
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}


def _datasets(request: AnalysisRequest) -> Sequence[Dataset]:
    datasets = []
    for split in request.splits:
        key = analyzer_cache.dataset_key(request.patterns[split])
        cached: analyzer_cache.Entries = {}
        if request.cache_input is not None and request.cache_output is not None:
            cached = analyzer_cache.read(request.cache_input, key, request.component)
        datasets.append(Dataset(split=split, key=key, cached=cached))
    return datasets


def _take_over_cache(request: AnalysisRequest, datasets: Sequence[Dataset]) -> None:
    """Copies what an earlier run knew of these data sets: a later one may need it again."""
    if request.cache_input is None or request.cache_output is None:
        return
    for dataset in datasets:
        analyzer_cache.copy(request.cache_input, request.cache_output, dataset.key)


def _check_rows(request: AnalysisRequest) -> None:
    for split in request.splits:
        first = islice(request.data.record_batches(split, batch_size=1), 1)
        if any(batch.num_rows for batch in first):
            return
    raise InputError(
        f"{request.component}: the splits to analyze, {list(request.splits)}, hold no row, but "
        "preprocessing_fn analyzes them. Name a split with rows in 'analyze' of `splits_config`, "
        "or change how csv_example_gen splits."
    )

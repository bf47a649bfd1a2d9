"""Turns a `preprocessing_fn` and the rows to analyze into a transform graph on disk."""

import logging
from collections.abc import Sequence
from itertools import islice

import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import tf2_utils
from tensorflow_transform.beam.analyzer_cache import DatasetKey
from tensorflow_transform.tf_metadata import metadata_io

from headrace_components.contract.errors import InputError
from headrace_components.library.beam import locations
from headrace_components.library.data import joined_parts
from headrace_components.transform import analyzer_cache, beam_engine, nan_warning
from headrace_components.transform.embedded_engine import Dataset, EmbeddedAnalysis
from headrace_components.transform.raw_data import RawData
from headrace_components.transform.requests import AnalysisRequest, AnalysisResult
from headrace_components.transform.tracing import trace
from headrace_components.transform.user_functions import guarded


def analyze(request: AnalysisRequest) -> AnalysisResult:
    """Writes `transform_fn`, `transformed_metadata` and the analyzer cache.

    With `beam_args`, TFT analyzes on Beam. Without them, the embedded engine analyzes if it
    supports every operation of the graph; otherwise TFT analyzes on Beam's in-memory runner. This
    is decided before any row is read.

    Raises:
        InputError: `preprocessing_fn` cannot be traced, or there are no rows to analyze.
    """
    if request.beam_args:
        return analyze_on_beam(request, "`beam_pipeline_args` says so")
    if tf2_utils.use_tf_compat_v1(request.force_tf_compat_v1):
        return analyze_on_beam(request, "TensorFlow runs as version 1")
    function = guarded(request.function, request.component)
    specs = request.data.columns.type_specs()
    traced = trace(function, specs, request.temp_dir)
    datasets = _datasets(request, by_span=True)
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
    engine.write_graph(request.graph.path)
    if engine.found_nan:
        nan_warning.warn(str(request.graph.path), request.component)
    if request.cache_output is not None:
        if request.cache_input is not None:
            # A later run may need the cached results of these data sets again.
            source, target = str(request.cache_input.path), str(request.cache_output.path)
            analyzer_cache.copy(source, target, [dataset.key for dataset in datasets])
        engine.write_cache(request.cache_output.path)
    return AnalysisResult(
        graph=str(request.graph.path),
        schema=_schema_of(str(request.graph.path)),
        asset_map=traced.asset_map,
        analyzed_columns=traced.analyzed_columns,
        transformed_columns=traced.transformed_columns,
    )


def analyze_on_beam(request: AnalysisRequest, reason: str = "asked to") -> AnalysisResult:
    """Does the same as `analyze`, with TensorFlow Transform's own Beam pipeline.

    Args:
        request: The request.
        reason: The reason, for the log.

    Raises:
        InputError: `preprocessing_fn` cannot be traced, or there are no rows to analyze.
    """
    where = "Beam" if request.beam_args else "Beam's in-memory runner"
    logging.info("%s: analyzing on %s: %s.", request.component, where, reason)
    function = guarded(request.function, request.component)
    specs = request.data.columns.type_specs()
    analyzed = tft.get_analyze_input_columns(function, specs, request.force_tf_compat_v1)
    transformed = tft.get_transform_input_columns(function, specs, request.force_tf_compat_v1)
    if analyzed:
        _check_rows(request)
    data = request.data.project({*analyzed, *transformed})
    written = beam_engine.analyze(
        request, function, data.columns, _datasets(request, by_span=False)
    )
    if analyzed:
        nan_warning.warn(written.graph, request.component)
    return AnalysisResult(
        graph=written.graph,
        schema=_schema_of(written.graph),
        asset_map=written.asset_map,
        analyzed_columns=frozenset(analyzed),
        transformed_columns=frozenset(transformed),
    )


def dataset_key(data: RawData, split: str) -> DatasetKey:
    """Returns the name that the rows of a split have in an analyzer cache."""
    contents = data.reader.contents_digest(split)
    return analyzer_cache.dataset_key(split, contents, data.columns.fingerprint())


def _schema_of(graph: str) -> schema_pb2.Schema:
    """Returns the schema of a graph's outputs, without the domains that analyzers add.

    It is read from the graph, because an analyzer may have fixed a shape, for example the depth of
    tf.one_hot.
    """
    schema: schema_pb2.Schema = metadata_io.read_metadata(
        locations.join(graph, tft.TFTransformOutput.TRANSFORMED_METADATA_DIR)
    ).schema
    schema.ClearField("annotation")
    for feature in schema.feature:
        feature.ClearField("annotation")
        if feature.int_domain.is_categorical:
            feature.int_domain.ClearField("min")
            feature.int_domain.ClearField("max")
    return schema


def _datasets(request: AnalysisRequest, *, by_span: bool) -> Sequence[Dataset]:
    """Returns the rows to analyze, those of joined spans apart if they have a cache each.

    TFT on Beam reads a split as a whole.
    """
    datasets = []
    for split in request.splits:
        whole = request.data.reader
        apart = by_span and request.cache_output is not None
        readers = joined_parts.parts(whole, split) if apart else [whole]
        keys = [dataset_key(request.data.read_by(reader), split) for reader in readers]
        if len(set(keys)) < len(keys):  # spans with the same rows, all of which count
            readers, keys = [whole], [dataset_key(request.data, split)]
        for reader, key in zip(readers, keys, strict=True):
            cached: analyzer_cache.Entries = {}
            if request.cache_input is not None and request.cache_output is not None:
                cached = analyzer_cache.read(request.cache_input.path, key)
            datasets.append(Dataset(split=split, key=key, reader=reader, cached=cached))
    return datasets


def _check_rows(request: AnalysisRequest) -> None:
    for split in request.splits:
        first = islice(request.data.record_batches(split, batch_size=1), 1)
        if any(batch.num_rows for batch in first):
            return
    raise InputError(
        f"the splits to analyze, {list(request.splits)}, hold no row, but "
        "preprocessing_fn analyzes them. Name a split with rows in 'analyze' of `splits_config`, "
        "or change how csv_example_gen splits."
    )

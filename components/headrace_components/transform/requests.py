"""The requests to the engines, and the result of an analysis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from headrace_components.contract.task import Artifact
from headrace_components.transform.raw_data import RawData
from headrace_components.transform.user_functions import PreprocessingFn


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisRequest:
    """The rows to analyze, and the outputs for the results.

    Attributes:
        component: Name of the component, for the log.
        function: The user's `preprocessing_fn`.
        data: The rows.
        examples: The artifact that contains the rows.
        splits: Names of the splits to analyze.
        graph: The transform graph to write.
        cache_input: Accumulators of an earlier run, or None.
        cache_output: Where to write accumulators; None neither reads nor writes any.
        force_tf_compat_v1: Whether to trace as TensorFlow 1 graph code.
        temp_dir: A directory of this machine for intermediate files.
        beam_args: `beam_pipeline_args`; empty for the embedded engine.
    """

    component: str
    function: PreprocessingFn
    data: RawData
    examples: Artifact
    splits: Sequence[str]
    graph: Artifact
    cache_input: Artifact | None
    cache_output: Artifact | None
    force_tf_compat_v1: bool
    temp_dir: str
    beam_args: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisResult:
    """The results of an analysis, in addition to its files.

    Attributes:
        graph: Location of the transform graph.
        schema: Schema of the transformed features without the domains from analyzers, as TFX passes
            it to the statistics.
        asset_map: File name of each vocabulary, by the name that the author gave it.
        analyzed_columns: Raw features that analyzers read.
        transformed_columns: Raw features that transformed ones depend on.
    """

    graph: str
    schema: schema_pb2.Schema
    asset_map: Mapping[str, str]
    analyzed_columns: frozenset[str]
    transformed_columns: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformRequest:
    """The rows to transform, and the outputs to write.

    Attributes:
        component: Name of the component, for the log.
        data: The rows.
        examples: The artifact that contains them.
        result: The result of the analysis.
        analyzed: Names of the splits that were analyzed.
        splits: Names of the splits to transform.
        before: How statistics of the analyzed rows are computed, or None.
        after: How statistics of the transformed rows are computed, or None.
        output: Where the transformed rows go.
        prefix: The beginning of the file names; None writes no files.
        beam_args: `beam_pipeline_args`; empty for the embedded engine.
    """

    component: str
    data: RawData
    examples: Artifact
    result: AnalysisResult
    analyzed: Sequence[str]
    splits: Sequence[str]
    before: tfdv.StatsOptions | None
    after: tfdv.StatsOptions | None
    output: Artifact
    prefix: str | None
    beam_args: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Summaries:
    """Statistics of the rows before and after; None if they were not asked for."""

    before: statistics_pb2.DatasetFeatureStatisticsList | None
    after: statistics_pb2.DatasetFeatureStatisticsList | None

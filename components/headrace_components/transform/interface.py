"""What Transform looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import (
    ExampleAnomalies,
    Examples,
    ExampleStatistics,
    Schema,
    TransformCache,
    TransformGraph,
)
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def transform(
    examples: dsl.Input[Examples],
    schema: dsl.Input[Schema],
    transform_graph: dsl.Output[TransformGraph],
    transformed_examples: dsl.Output[Examples],
    updated_analyzer_cache: dsl.Output[TransformCache],
    pre_transform_schema: dsl.Output[Schema],
    pre_transform_stats: dsl.Output[ExampleStatistics],
    post_transform_schema: dsl.Output[Schema],
    post_transform_stats: dsl.Output[ExampleStatistics],
    post_transform_anomalies: dsl.Output[ExampleAnomalies],
    analyzer_cache: dsl.Input[TransformCache] = None,
    module_file: str = "",
    preprocessing_fn: str = "",
    stats_options_updater_fn: str = "",
    splits_config: dict = {},
    custom_config: dict = {},
    materialize: bool = True,
    disable_statistics: bool = False,
    disable_analyzer_cache: bool = False,
    force_tf_compat_v1: bool = False,
    beam_pipeline_args: list = [],
) -> dsl.ContainerSpec:
    """Analyzes the examples, applies `preprocessing_fn` and keeps it as a TensorFlow graph.

    Rows are tf.Examples or tf.SequenceExamples; transformed ones are tf.Examples. Of a
    tf.SequenceExample, `inputs` has context features under their names, and sequence features as
    ragged tensors of shape (rows, steps, values) under the names that tfx_bsl gives them, as
    `##SEQUENCE##.price`; a `tensor_representation_group` in the schema gives others. A ragged
    feature of the output is written as TensorFlow Transform's `transformed_feature_spec` reads it:
    values as `price$ragged_values`, lengths as `price$row_lengths_1`. Where an analyzer's result is
    NaN, the log has a warning with the features concerned: `tft.scale_to_0_1` applies a sigmoid
    then.

    Args:
        examples: Rows to analyze and transform.
        schema: Types of the raw features.
        transform_graph: The transform, as training and serving load it.
        transformed_examples: The transformed rows; empty when `materialize` is false.
        updated_analyzer_cache: Accumulators that a later run may reuse.
        pre_transform_schema: Schema of the analyzed rows.
        pre_transform_stats: Statistics of the analyzed rows.
        post_transform_schema: Schema of the transformed rows.
        post_transform_stats: Statistics of the transformed rows.
        post_transform_anomalies: Where the transformed rows contradict their schema.
        analyzer_cache: Accumulators of an earlier run.
        module_file: Python file with `preprocessing_fn(inputs[, custom_config])`, and optionally
            `stats_options_updater_fn`.
        preprocessing_fn: The same function as a dotted path; excludes `module_file`.
        stats_options_updater_fn: Dotted path of a function that adapts the statistics' options;
            excludes `module_file`.
        splits_config: `{"analyze": [...], "transform": [...]}`, as tfx.proto.SplitsConfig. Empty
            analyzes `train` and transforms every split.
        custom_config: Passed to `preprocessing_fn` where it asks for it.
        materialize: Whether to write `transformed_examples`.
        disable_statistics: Whether to leave out the statistics before and after.
        disable_analyzer_cache: Whether to neither read nor write analyzer accumulators.
        force_tf_compat_v1: Whether to trace `preprocessing_fn` as TensorFlow 1 graph code.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            transforms in this process; Beam then takes what only it can analyze, in memory.
    """
    return dsl.ContainerSpec(
        image=image("transform"),
        command=["python", "-m", "headrace_components.transform"],
        args=["--executor_input", "{{$}}"],
    )

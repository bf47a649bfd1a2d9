"""What StatisticsGen looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Examples, ExampleStatistics, Schema
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def statistics_gen(
    examples: dsl.Input[Examples],
    statistics: dsl.Output[ExampleStatistics],
    report: dsl.Output[dsl.HTML],
    schema: dsl.Input[Schema] = None,
    stats_options: dict = {},
    exclude_splits: list = [],
    sample_rate: float = 1.0,
    beam_pipeline_args: list = [],
) -> dsl.ContainerSpec:
    """Computes statistics of every feature of every split, equal to TFDV's own.

    Args:
        examples: Rows to summarise, tf.Examples or tf.SequenceExamples.
        statistics: One `FeatureStats.pb` per split.
        report: A page that shows every feature, its splits side by side, and what stands out.
        schema: Types and domains to use instead of inferred ones.
        stats_options: Fields of `tfdv.StatsOptions` by name, as `{"num_top_values": 50}`. On Beam
            also `label_feature`, and `slicing_config`, as
            `{"slicing_specs": [{"feature_keys": ["origin"]}]}`.
        exclude_splits: Names of splits to leave out.
        sample_rate: Fraction of rows read, in (0, 1]. 1.0 reads every row. Beam draws other rows.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.
    """
    return dsl.ContainerSpec(
        image=image("statistics_gen"),
        command=["python", "-m", "headrace_components.statistics_gen"],
        args=["--executor_input", "{{$}}"],
    )

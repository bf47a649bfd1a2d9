"""Components that describe, check and choose examples."""

from collections.abc import Sequence
from typing import Any

from headrace_tfx.artifacts import standard
from headrace_tfx.authoring.channels import BaseChannel, Channel
from headrace_tfx.authoring.executor_specs import BeamExecutorSpec, ExecutorClassSpec
from headrace_tfx.authoring.nodes import BaseBeamComponent, BaseComponent
from headrace_tfx.components import executors, specs


class StatisticsGen(BaseBeamComponent):
    """Computes statistics of examples.

    Outputs: `statistics`.
    """

    SPEC_CLASS = specs.StatisticsGenSpec
    EXECUTOR_SPEC = BeamExecutorSpec(executors.StatisticsGenExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        schema: BaseChannel | None = None,
        stats_options: Any = None,
        exclude_splits: Sequence[str] | None = None,
    ) -> None:
        spec = specs.StatisticsGenSpec(
            examples=examples,
            schema=schema,
            stats_options=stats_options,
            exclude_splits=exclude_splits,
            statistics=Channel(type=standard.ExampleStatistics),
        )
        super().__init__(spec=spec)


class SchemaGen(BaseComponent):
    """Infers a schema from statistics.

    Outputs: `schema`.
    """

    SPEC_CLASS = specs.SchemaGenSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.SchemaGenExecutor)

    def __init__(
        self,
        statistics: BaseChannel,
        infer_feature_shape: Any = True,
        exclude_splits: Sequence[str] | None = None,
    ) -> None:
        spec = specs.SchemaGenSpec(
            statistics=statistics,
            infer_feature_shape=infer_feature_shape,
            exclude_splits=exclude_splits,
            schema=Channel(type=standard.Schema),
        )
        super().__init__(spec=spec)


class ImportSchemaGen(BaseComponent):
    """Brings a schema file into a pipeline.

    Outputs: `schema`.
    """

    SPEC_CLASS = specs.ImportSchemaGenSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.ImportSchemaGenExecutor)

    def __init__(self, schema_file: Any) -> None:
        spec = specs.ImportSchemaGenSpec(
            schema_file=schema_file, schema=Channel(type=standard.Schema)
        )
        super().__init__(spec=spec)


class ExampleValidator(BaseComponent):
    """Checks statistics against a schema.

    Outputs: `anomalies`.
    """

    SPEC_CLASS = specs.ExampleValidatorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.ExampleValidatorExecutor)

    def __init__(
        self,
        statistics: BaseChannel,
        schema: BaseChannel,
        exclude_splits: Sequence[str] | None = None,
        custom_validation_config: Any = None,
    ) -> None:
        spec = specs.ExampleValidatorSpec(
            statistics=statistics,
            schema=schema,
            exclude_splits=exclude_splits,
            custom_validation_config=custom_validation_config,
            anomalies=Channel(type=standard.ExampleAnomalies),
        )
        super().__init__(spec=spec)


class ExampleDiff(BaseBeamComponent):
    """Compares examples that have the same identifiers.

    Outputs: `example_diff_result`.
    """

    SPEC_CLASS = specs.ExampleDiffSpec
    EXECUTOR_SPEC = BeamExecutorSpec(executors.ExampleDiffExecutor)

    def __init__(
        self,
        examples_test: BaseChannel,
        examples_base: BaseChannel,
        config: Any,
        include_split_pairs: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        spec = specs.ExampleDiffSpec(
            examples=examples_test,
            baseline_examples=examples_base,
            example_diff_config=config,
            include_split_pairs=include_split_pairs,
            example_diff_result=Channel(type=standard.ExamplesDiff),
        )
        super().__init__(spec=spec)


class DistributionValidator(BaseComponent):
    """Compares the distributions of two sets of examples.

    Outputs: `anomalies`.
    """

    SPEC_CLASS = specs.DistributionValidatorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.DistributionValidatorExecutor)

    def __init__(
        self,
        statistics: BaseChannel,
        baseline_statistics: BaseChannel,
        config: Any,
        include_split_pairs: Sequence[tuple[str, str]] | None = None,
        custom_validation_config: Any = None,
    ) -> None:
        spec = specs.DistributionValidatorSpec(
            statistics=statistics,
            baseline_statistics=baseline_statistics,
            distribution_validator_config=config,
            include_split_pairs=include_split_pairs,
            custom_validation_config=custom_validation_config,
            anomalies=Channel(type=standard.ExampleAnomalies),
        )
        super().__init__(spec=spec)


class FilterComponent(BaseComponent):
    """Keeps the examples that a function chooses.

    Outputs: `filtered_examples`.
    """

    SPEC_CLASS = specs.FilterSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.FilterExecutor)

    def __init__(self, examples: BaseChannel, filter_fn_path: Any) -> None:
        spec = specs.FilterSpec(
            examples=examples,
            filter_fn_path=filter_fn_path,
            filtered_examples=Channel(type=standard.Examples),
        )
        super().__init__(spec=spec)


class TfGraphDataViewProvider(BaseComponent):
    """Makes a decoder of records. Headrace refuses it when the pipeline is read.

    Outputs: `data_view`.
    """

    SPEC_CLASS = specs.DataViewProviderSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.DataViewExecutor)

    def __init__(
        self, create_decoder_func: Any, module_file: Any = None, data_view: Any = None
    ) -> None:
        spec = specs.DataViewProviderSpec(
            create_decoder_func=create_decoder_func,
            module_file=module_file,
            data_view=data_view or Channel(type=standard.DataView),
        )
        super().__init__(spec=spec)


class DataViewBinder(BaseComponent):
    """Gives examples a decoder. Headrace refuses it when the pipeline is read.

    Outputs: `output_examples`.
    """

    SPEC_CLASS = specs.DataViewBinderSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.DataViewExecutor)

    def __init__(
        self, input_examples: BaseChannel, data_view: BaseChannel, output_examples: Any = None
    ) -> None:
        spec = specs.DataViewBinderSpec(
            input_examples=input_examples,
            data_view=data_view,
            output_examples=output_examples or Channel(type=standard.Examples),
        )
        super().__init__(spec=spec)

# `make generate` writes this file from the declarations of the components.
"""Every component: `from headrace_components.catalog import trainer`."""

from typing import Any, TypedDict

from headrace_components.artifacts import (
    ExampleAnomalies,
    Examples,
    ExamplesDiff,
    ExampleStatistics,
    HyperParameters,
    InferenceResult,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
    ModelRun,
    PushedModel,
    Schema,
    TransformCache,
    TransformGraph,
    TunerResults,
)
from headrace_components.typed.kfp import (
    HTML,
    ClassificationMetrics,
    Metrics,
    PipelineParameterChannel,
    PipelineTask,
)
from headrace_components.typed.wiring import Input, Message, Output, Value

__all__ = [
    "avro_example_gen",
    "bigquery_example_gen",
    "bulk_inferrer",
    "csv_example_gen",
    "distribution_validator",
    "evaluator",
    "example_diff",
    "example_validator",
    "filter_examples",
    "import_example_gen",
    "import_schema_gen",
    "infra_validator",
    "kubernetes_pusher",
    "latest_artifact",
    "latest_blessed_model",
    "parquet_example_gen",
    "pusher",
    "query_example_gen",
    "read_value",
    "schema_gen",
    "span_range",
    "statistics_gen",
    "tfjs_converter",
    "tflite_converter",
    "trainer",
    "transform",
    "tuner",
    "vertex_pusher",
]

class ClassificationMetricsOutput(Output[ClassificationMetrics], ClassificationMetrics): ...
class ExampleAnomaliesOutput(Output[ExampleAnomalies], ExampleAnomalies): ...
class ExampleStatisticsOutput(Output[ExampleStatistics], ExampleStatistics): ...
class ExamplesOutput(Output[Examples], Examples): ...
class ExamplesDiffOutput(Output[ExamplesDiff], ExamplesDiff): ...
class HTMLOutput(Output[HTML], HTML): ...
class HyperParametersOutput(Output[HyperParameters], HyperParameters): ...
class InferenceResultOutput(Output[InferenceResult], InferenceResult): ...
class InfraBlessingOutput(Output[InfraBlessing], InfraBlessing): ...
class MetricsOutput(Output[Metrics], Metrics): ...
class ModelOutput(Output[Model], Model): ...
class ModelBlessingOutput(Output[ModelBlessing], ModelBlessing): ...
class ModelEvaluationOutput(Output[ModelEvaluation], ModelEvaluation): ...
class ModelRunOutput(Output[ModelRun], ModelRun): ...
class PushedModelOutput(Output[PushedModel], PushedModel): ...
class SchemaOutput(Output[Schema], Schema): ...
class TransformCacheOutput(Output[TransformCache], TransformCache): ...
class TransformGraphOutput(Output[TransformGraph], TransformGraph): ...
class TunerResultsOutput(Output[TunerResults], TunerResults): ...

class AvroExampleGenOutputs(TypedDict):
    examples: ExamplesOutput
    """The rows as gzip TFRecords of tf.Example, with a columnar twin."""

class AvroExampleGenTask(PipelineTask):
    @property
    def outputs(self) -> AvroExampleGenOutputs: ...
    @property
    def output(self) -> ExamplesOutput: ...

def avro_example_gen(
    *,
    input_base: str | Value,
    input_config: dict[str, Any] | Message | Value = {},
    output_config: dict[str, Any] | Message | Value = {},
    range_config: dict[str, Any] | Message | Value = {},
    span: int | Value = -1,
    compression_level: int | Value = 1,
    columnar: bool | Value = True,
    beam_pipeline_args: list[Any] | Value = [],
) -> AvroExampleGenTask:
    """Reads Avro files into tf.Examples and splits them.

    Integers and booleans become int64, other numbers float32. Text and bytes become bytes. Dates
    and times become text in ISO 8601 format. A list keeps its values. 0, False and the empty text
    are values; TFX treats them as missing. This example reads the files of the latest day, and
    divides them by customer:

        avro_example_gen(
            input_base="gs://bucket/orders",
            input_config={"splits": [{"name": "all", "pattern": "day={YYYY}-{MM}-{DD}/*.avro"}]},
            output_config={
                "split_config": {
                    "splits": [
                        {"name": "train", "hash_buckets": 9},
                        {"name": "eval", "hash_buckets": 1},
                    ],
                    "partition_feature_name": "customer",
                }
            },
        )

    Args:
        input_base: Directory or URI where the input patterns start.
        input_config: A tfx.proto.Input: `{"splits": [{"name": ..., "pattern": ...}]}`. A pattern
            can contain `{SPAN}`, `{SPAN:w}`, `{VERSION}`, `{VERSION:w}` or `{YYYY}`, `{MM}`,
            `{DD}`. If empty, every file of `input_base` is read as one split.
        output_config: A tfx.proto.Output: `{"split_config": {"splits": [{"name": ...,
            "hash_buckets": ...}], "partition_feature_name": ...}}`. If empty, one input split is
            divided into train and eval, 2:1, and several input splits are kept as they are.
        range_config: A tfx.proto.RangeConfig: `{"static_range": {...}}` or `{"rolling_range":
            {...}}`. If empty, the latest span is read.
        span: The span to read. With -1, `range_config` decides.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam.

    Outputs:
        examples: The rows as gzip TFRecords of tf.Example, with a columnar twin.
    """

class BigqueryExampleGenOutputs(TypedDict):
    examples: ExamplesOutput
    """The rows as gzip TFRecords of tf.Example, with a columnar twin."""

class BigqueryExampleGenTask(PipelineTask):
    @property
    def outputs(self) -> BigqueryExampleGenOutputs: ...
    @property
    def output(self) -> ExamplesOutput: ...

def bigquery_example_gen(
    *,
    project: str | Value = "",
    location: str | Value = "",
    labels: dict[str, Any] | Message | Value = {},
    maximum_bytes_billed: int | Value = 0,
    use_storage_api: bool | Value = True,
    query: str | Value = "",
    input_config: dict[str, Any] | Message | Value = {},
    output_config: dict[str, Any] | Message | Value = {},
    range_config: dict[str, Any] | Message | Value = {},
    span: int | Value = -1,
    compression_level: int | Value = 1,
    columnar: bool | Value = True,
    beam_pipeline_args: list[Any] | Value = [],
) -> BigqueryExampleGenTask:
    """Reads the rows of a BigQuery query into tf.Examples and splits them.

    INTEGER and BOOLEAN become int64. FLOAT, NUMERIC and BIGNUMERIC become float32. STRING, BYTES,
    JSON and GEOGRAPHY become bytes. Dates and times become text in ISO 8601 format. A repeated
    column keeps its values. NULL is a missing value. Select the fields of a STRUCT by name. This
    example reads one day of rides:

        bigquery_example_gen(
            project="my-project",
            query="SELECT fare, company FROM rides.all WHERE started >= TIMESTAMP_SECONDS("
            "@span_begin_timestamp) AND started < TIMESTAMP_SECONDS(@span_end_timestamp)",
            span=19723,
            maximum_bytes_billed=10**11,
        )

    A query is checked before it runs, at no cost: it must be a SELECT and return types that
    tf.Examples can hold. The task's account needs the roles BigQuery Job User on `project`,
    BigQuery Data Viewer on the data and, for the Storage Read API, BigQuery Read Session User on
    `project`.

    The local cache is never used for this task, because only the query shows the data in BigQuery.
    Rows keep the order in which BigQuery returns them: with an ORDER BY, the same rows give the
    same bytes.

    Args:
        project: Project that runs and pays for the queries. If empty, the project of the
            environment is used; on Vertex AI this is a project that Google owns, so set it there.
        location: Region of the data, such as `EU`. If empty, BigQuery finds it.
        labels: Labels of the query jobs, by which you can find their cost.
        maximum_bytes_billed: A query that would be billed for more bytes fails at no cost. 0 sets
            no limit.
        use_storage_api: Whether to read results through the Storage Read API. It is many times
            faster than the REST API, and is billed by the bytes read. Without permission the REST
            API is used.
        query: The query in GoogleSQL. `@span_begin_timestamp` and `@span_end_timestamp` stand for
            the seconds since the epoch at which the span's day begins and ends in UTC.
            `@span_yyyymmdd_utc` stands for its date in quotes, such as '20240101'.
        input_config: Instead of `query`, one query for each split, as a tfx.proto.Input:
            `{"splits": [{"name": ..., "pattern": "SELECT ..."}]}`.
        output_config: A tfx.proto.Output: `{"split_config": {"splits": [{"name": ...,
            "hash_buckets": ...}], "partition_feature_name": ...}}`. If empty, one input split is
            divided into train and eval, 2:1, and several input splits are kept as they are.
        range_config: A tfx.proto.RangeConfig with one span: `{"static_range": {"start_span_number":
            ..., "end_span_number": ...}}`.
        span: The span to read, in days since 1970-01-01. With -1, `range_config` decides.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            One worker then runs each query, and all workers divide and write its rows. If empty,
            this process computes, without Beam.

    Outputs:
        examples: The rows as gzip TFRecords of tf.Example, with a columnar twin.
    """

class BulkInferrerOutputs(TypedDict):
    inference_result: InferenceResultOutput
    """Prediction logs; empty if `output_example_spec` is given."""
    output_examples: ExamplesOutput
    """The examples with the predictions as columns; empty unless
    `output_example_spec` is given.
    """

class BulkInferrerTask(PipelineTask):
    @property
    def outputs(self) -> BulkInferrerOutputs: ...

def bulk_inferrer(
    *,
    examples: Input[Examples],
    model: Input[Model],
    model_blessing: Input[ModelBlessing] = ...,
    data_spec: dict[str, Any] | Message | Value = {},
    model_spec: dict[str, Any] | Message | Value = {},
    output_example_spec: dict[str, Any] | Message | Value = {},
    beam_pipeline_args: list[Any] | Value = [],
) -> BulkInferrerTask:
    """Predicts every row with a model; writes prediction logs, or examples with more columns.

    Args:
        examples: Rows to predict, in the format that the model's signature parses.
        model: The model, a SavedModel.
        model_blessing: The evaluator's verdict; for a model that is not blessed, nothing is
            predicted.
        data_spec: A tfx.proto.DataSpec: `{"example_splits": [...]}`. By default all splits.
        model_spec: A tfx.proto.ModelSpec: `{"model_signature_name": [...], "tag": [...]}`. By
            default the signature `serving_default`.
        output_example_spec: A tfx.proto.OutputExampleSpec: `{"output_columns_spec":
            [{"signature_name": ..., "predict_output": {"output_columns": [{"output_key": ...,
            "output_column": ...}]}}]}`. Instead of `predict_output` it can have `classify_output`
            or `regress_output`.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam.

    Outputs:
        inference_result: Prediction logs; empty if `output_example_spec` is given.
        output_examples: The examples with the predictions as columns; empty unless
            `output_example_spec` is given.
    """

class CsvExampleGenOutputs(TypedDict):
    examples: ExamplesOutput
    """The rows as gzip TFRecords of tf.Example, with a columnar twin."""

class CsvExampleGenTask(PipelineTask):
    @property
    def outputs(self) -> CsvExampleGenOutputs: ...
    @property
    def output(self) -> ExamplesOutput: ...

def csv_example_gen(
    *,
    input_base: str | Value,
    delimiter: str | Value = ",",
    column_types: dict[str, Any] | Message | Value = {},
    input_config: dict[str, Any] | Message | Value = {},
    output_config: dict[str, Any] | Message | Value = {},
    range_config: dict[str, Any] | Message | Value = {},
    span: int | Value = -1,
    compression_level: int | Value = 1,
    columnar: bool | Value = True,
    beam_pipeline_args: list[Any] | Value = [],
) -> CsvExampleGenTask:
    """Reads CSV files with a header line into tf.Examples and splits them.

    Args:
        input_base: Directory or URI where the input patterns start.
        delimiter: The character between two fields.
        column_types: `{"fare": "FLOAT", "code": "BYTES"}`: the type of a column by its name, INT,
            FLOAT or BYTES. Name the columns whose type must be the same on every day. The types of
            other columns follow from their values.
        input_config: A tfx.proto.Input: `{"splits": [{"name": ..., "pattern": ...}]}`. A pattern
            can contain `{SPAN}`, `{SPAN:w}`, `{VERSION}`, `{VERSION:w}` or `{YYYY}`, `{MM}`,
            `{DD}`. If empty, every file of `input_base` is read as one split.
        output_config: A tfx.proto.Output: `{"split_config": {"splits": [{"name": ...,
            "hash_buckets": ...}], "partition_feature_name": ...}}`. If empty, one input split is
            divided into train and eval, 2:1, and several input splits are kept as they are.
        range_config: A tfx.proto.RangeConfig: `{"static_range": {...}}` or `{"rolling_range":
            {...}}`. If empty, the latest span is read.
        span: The span to read. With -1, `range_config` decides.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam.

    Outputs:
        examples: The rows as gzip TFRecords of tf.Example, with a columnar twin.
    """

class DistributionValidatorOutputs(TypedDict):
    anomalies: ExampleAnomaliesOutput
    """One `SchemaDiff.pb` per pair of splits. The metadata `blessed` has 1 or 0 for
    each pair, or 2 for each split without a baseline.
    """
    report: HTMLOutput
    """A page with the features under test and in the baseline, the worst first."""
    metrics: MetricsOutput
    """Number of features that were compared, that exceed their threshold and that were
    not compared, and the largest distance, for comparing runs in the UI.
    """

class DistributionValidatorTask(PipelineTask):
    @property
    def outputs(self) -> DistributionValidatorOutputs: ...

def distribution_validator(
    *,
    statistics: Input[ExampleStatistics],
    baseline_statistics: Input[ExampleStatistics] = ...,
    config: dict[str, Any] | Message | Value = {},
    include_split_pairs: list[Any] | Value = [],
    custom_validation_config: dict[str, Any] | Message | Value = {},
    fail_on_anomalies: bool | Value = False,
) -> DistributionValidatorTask:
    """Finds features whose distribution has changed: drift between days, skew between sources.

    Numbers are compared with `jensen_shannon_divergence`, which needs the histograms that
    statistics_gen writes. Strings can also be compared with `infinity_norm` or
    `normalized_abs_difference`. A feature that cannot be compared is an anomaly; it does not pass.
    An example:

        distribution_validator(
            statistics=today.outputs["statistics"],
            baseline_statistics=yesterday.outputs["statistics"],
            config={
                "default_slice_config": {
                    "feature": [
                        {
                            "path": {"step": ["fare"]},
                            "distribution_comparator": {
                                "jensen_shannon_divergence": {"threshold": 0.05}
                            },
                        }
                    ],
                    "num_examples_comparator": {"min_fraction_threshold": 0.5},
                }
            },
        )

    Args:
        statistics: Statistics of the data under test.
        baseline_statistics: Statistics to compare with. If the input is not connected, or is
            empty as in a first run, nothing is compared.
        config: A `tfx.proto.DistributionValidatorConfig` in JSON form.
        include_split_pairs: Pairs of split names, the one under test first, such as `[["eval",
            "train"]]`. If empty, splits with the same name are compared.
        custom_validation_config: A `tfdv.CustomValidationConfig` in JSON form: conditions in SQL
            over the statistics of a feature, or of a feature and its baseline.
        fail_on_anomalies: Whether an anomaly fails the task, and so the run.

    Outputs:
        anomalies: One `SchemaDiff.pb` per pair of splits. The metadata `blessed` has 1 or 0 for
            each pair, or 2 for each split without a baseline.
        report: A page with the features under test and in the baseline, the worst first.
        metrics: Number of features that were compared, that exceed their threshold and that were
            not compared, and the largest distance, for comparing runs in the UI.
    """

class EvaluatorOutputs(TypedDict):
    evaluation: ModelEvaluationOutput
    """Metrics per slice, in TFMA's format."""
    blessing: ModelBlessingOutput
    """`BLESSED` or `NOT_BLESSED`."""
    report: HTMLOutput
    """A page with the verdict and the metrics per slice, the worst slice first."""
    metrics: MetricsOutput
    """The metrics over all rows, for comparing runs in the UI."""
    classification_metrics: ClassificationMetricsOutput
    """ROC curve and confusion matrix of the candidate, which the UI
    draws. They are empty unless `eval_config` has `ConfusionMatrixPlot` or another
    metric that makes one.
    """

class EvaluatorTask(PipelineTask):
    @property
    def outputs(self) -> EvaluatorOutputs: ...

def evaluator(
    *,
    examples: Input[Examples],
    model: Input[Model] = ...,
    baseline_model: Input[Model] = ...,
    schema: Input[Schema] = ...,
    eval_config: dict[str, Any] | Message | Value = {},
    example_splits: list[Any] | Value = [],
    fairness_indicator_thresholds: list[Any] | Value = [],
    module_file: str | Value = "",
    beam_pipeline_args: list[Any] | Value = [],
) -> EvaluatorTask:
    """Computes metrics per slice, compares them with a baseline, and blesses a model that passes.

    A model is blessed if it meets every threshold of `eval_config` on every slice of that
    threshold. Without a baseline, change thresholds are ignored, so that a first model can pass.
    Without any threshold, no model is blessed. To push all models, leave the blessing input of
    `pusher` unconnected.

    Args:
        examples: Rows to evaluate on.
        model: The candidate. It can be unconnected only if `eval_config` names a prediction key.
        baseline_model: A model to compare the candidate with. An empty one, or the candidate
            itself, does not count as a baseline.
        schema: Types of the examples.
        eval_config: A `tfma.EvalConfig` in JSON form: model specs, slices, metrics, thresholds.
        example_splits: Names of the splits to evaluate; `eval` if empty.
        fairness_indicator_thresholds: Adds fairness indicators with these thresholds, each in (0,
            1).
        module_file: Python file with `custom_eval_shared_model` or `custom_extractors`, and with
            metrics that `eval_config` names by `module`.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process evaluates, and uses Beam in memory only for what nothing else can
            compute.

    Outputs:
        evaluation: Metrics per slice, in TFMA's format.
        blessing: `BLESSED` or `NOT_BLESSED`.
        report: A page with the verdict and the metrics per slice, the worst slice first.
        metrics: The metrics over all rows, for comparing runs in the UI.
        classification_metrics: ROC curve and confusion matrix of the candidate, which the UI
            draws. They are empty unless `eval_config` has `ConfusionMatrixPlot` or another
            metric that makes one.
    """

class ExampleDiffOutputs(TypedDict):
    example_diff_result: ExamplesDiffOutput
    """For each pair of splits: the differences by feature, how rows
    matched, a sample of pairs that differ, and how values were confused.
    """

class ExampleDiffTask(PipelineTask):
    @property
    def outputs(self) -> ExampleDiffOutputs: ...
    @property
    def output(self) -> ExamplesDiffOutput: ...

def example_diff(
    *,
    examples: Input[Examples],
    baseline_examples: Input[Examples],
    config: dict[str, Any] | Message | Value = {},
    include_split_pairs: list[Any] | Value = [],
    beam_pipeline_args: list[Any] | Value = [],
) -> ExampleDiffTask:
    """Pairs rows by their identifiers, and shows in which features the two rows of a pair differ.

    This example finds the skew between the rows that a served model logged and the rows that it is
    trained on:

        example_diff(
            examples=logged.outputs["examples"],
            baseline_examples=training.outputs["examples"],
            config={
                "paired_example_skew": {
                    "identifier_features": ["flight", "day"],
                    "ignore_features": ["served_at"],
                    "float_round_ndigits": 3,
                    "skew_sample_size": 20,
                }
            },
        )

    Args:
        examples: The rows under test.
        baseline_examples: The rows to compare them with.
        config: A `tfx.proto.ExampleDiffConfig` in JSON form. Without `float_round_ndigits`, floats
            are compared exactly.
        include_split_pairs: Pairs of split names, the one under test first, such as `[["eval",
            "train"]]`. If empty, every split is compared with every other.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam. On Beam, the sample can have other pairs.

    Outputs:
        example_diff_result: For each pair of splits: the differences by feature, how rows
            matched, a sample of pairs that differ, and how values were confused.
    """

class ExampleValidatorOutputs(TypedDict):
    anomalies: ExampleAnomaliesOutput
    """One `SchemaDiff.pb` per split."""
    report: HTMLOutput
    """A page that shows each anomaly, how serious it is and what to do about it."""

class ExampleValidatorTask(PipelineTask):
    @property
    def outputs(self) -> ExampleValidatorOutputs: ...

def example_validator(
    *,
    statistics: Input[ExampleStatistics],
    schema: Input[Schema],
    exclude_splits: list[Any] | Value = [],
    fail_on_anomalies: bool | Value = False,
    environment: str | Value = "",
) -> ExampleValidatorTask:
    """Finds contradictions between the data and the schema.

    Training rows and serving rows differ: only training rows have a label. Declare this in the
    schema with `default_environment: "TRAINING"`, `default_environment: "SERVING"`, and
    `not_in_environment: "SERVING"` on the label. Then validate serving rows like this:

        example_validator(statistics=serving, schema=schema, environment="SERVING")

    Args:
        statistics: Statistics per split.
        schema: The schema that the data must satisfy.
        exclude_splits: Names of splits to leave out.
        fail_on_anomalies: Whether an anomaly fails the task, and so the run.
        environment: The environment to validate against, one of the schema's `default_environment`
            values. A feature that is not in it is not expected. If empty, all features are
            expected.

    Outputs:
        anomalies: One `SchemaDiff.pb` per split.
        report: A page that shows each anomaly, how serious it is and what to do about it.
    """

class FilterExamplesOutputs(TypedDict):
    filtered_examples: ExamplesOutput
    """The rows that were kept, with the splits, span and payload format of
    `examples`.
    """

class FilterExamplesTask(PipelineTask):
    @property
    def outputs(self) -> FilterExamplesOutputs: ...
    @property
    def output(self) -> ExamplesOutput: ...

def filter_examples(
    *,
    examples: Input[Examples],
    module_file: str | Value = "",
    filter_fn: str | Value = "",
    filter_batch_fn: str | Value = "",
    beam_pipeline_args: list[Any] | Value = [],
) -> FilterExamplesTask:
    """Keeps the rows that a function chooses. They are unchanged and, without Beam, in their order.

    There are two kinds of function. `filter_fn(serialized: bytes) -> bool` is called for each
    record. `filter_batch_fn(batch: pyarrow.RecordBatch)` is called for some thousand rows at a
    time, and returns one boolean for each row. It is faster, because no row needs its own call and
    its own tf.Example:

        import pyarrow.compute as pc

        def filter_batch_fn(batch):
            # Flights that took off. A feature is a list column, null where a row lacks it.
            return pc.greater(pc.fill_null(pc.list_value_length(batch["dep_delay"]), 0), 0)

    Args:
        examples: Rows to choose from; all splits are filtered.
        module_file: Python file with `filter_fn` or `filter_batch_fn`.
        filter_fn: Dotted path of this function, instead of `module_file` and `filter_batch_fn`.
        filter_batch_fn: Dotted path of this function, instead of `module_file` and `filter_fn`. It
            needs tf.Examples.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam.

    Outputs:
        filtered_examples: The rows that were kept, with the splits, span and payload format of
            `examples`.
    """

class ImportExampleGenOutputs(TypedDict):
    examples: ExamplesOutput
    """The unchanged records, in gzip TFRecords, or in Parquet files for
    `FORMAT_PARQUET`.
    """

class ImportExampleGenTask(PipelineTask):
    @property
    def outputs(self) -> ImportExampleGenOutputs: ...
    @property
    def output(self) -> ExamplesOutput: ...

def import_example_gen(
    *,
    input_base: str | Value,
    payload_format: str | Value = "FORMAT_TF_EXAMPLE",
    input_config: dict[str, Any] | Message | Value = {},
    output_config: dict[str, Any] | Message | Value = {},
    range_config: dict[str, Any] | Message | Value = {},
    span: int | Value = -1,
    compression_level: int | Value = 1,
    columnar: bool | Value = True,
    beam_pipeline_args: list[Any] | Value = [],
) -> ImportExampleGenTask:
    """Imports files of serialized examples and splits them.

    This example has tf.Examples in one directory per day. It reads the latest day and divides it
    2:1:

        import_example_gen(
            input_base="gs://bucket/rides",
            input_config={"splits": [{"name": "all", "pattern": "{YYYY}-{MM}-{DD}/*.tfrecord.gz"}]},
        )

    This example has sequence examples that are already divided:

        import_example_gen(
            input_base="/data/reviews",
            input_config={
                "splits": [
                    {"name": "train", "pattern": "train-*"},
                    {"name": "eval", "pattern": "test-*"},
                ]
            },
            payload_format="FORMAT_TF_SEQUENCE_EXAMPLE",
        )

    Args:
        input_base: Directory or URI where the input patterns start.
        payload_format: Format of the records: `FORMAT_TF_EXAMPLE`, `FORMAT_TF_SEQUENCE_EXAMPLE` or
            `FORMAT_PROTO` in TFRecord files, with or without gzip; or `FORMAT_PARQUET` for the rows
            of Parquet files.
        input_config: A tfx.proto.Input: `{"splits": [{"name": ..., "pattern": ...}]}`. A pattern
            can contain `{SPAN}`, `{SPAN:w}`, `{VERSION}`, `{VERSION:w}` or `{YYYY}`, `{MM}`,
            `{DD}`. If empty, every file of `input_base` is read as one split.
        output_config: A tfx.proto.Output: `{"split_config": {"splits": [{"name": ...,
            "hash_buckets": ...}], "partition_feature_name": ...}}`. If empty, one input split is
            divided into train and eval, 2:1, and several input splits are kept as they are.
        range_config: A tfx.proto.RangeConfig: `{"static_range": {...}}` or `{"rolling_range":
            {...}}`. If empty, the latest span is read.
        span: The span to read. With -1, `range_config` decides.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster. Only
            tf.Examples have one.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam.

    Outputs:
        examples: The unchanged records, in gzip TFRecords, or in Parquet files for
            `FORMAT_PARQUET`.
    """

class ImportSchemaGenOutputs(TypedDict):
    schema: SchemaOutput
    """The schema, checked and copied."""

class ImportSchemaGenTask(PipelineTask):
    @property
    def outputs(self) -> ImportSchemaGenOutputs: ...
    @property
    def output(self) -> SchemaOutput: ...

def import_schema_gen(
    *,
    schema_file: str | Value = "",
    schema_json: dict[str, Any] | Message | Value = {},
) -> ImportSchemaGenTask:
    """Imports a schema that you keep in a file.

    Args:
        schema_file: Path or URI of a text-format `tensorflow.metadata.v0.Schema`.
        schema_json: The schema itself, in JSON form.

    Outputs:
        schema: The schema, checked and copied.
    """

class InfraValidatorOutputs(TypedDict):
    blessing: InfraBlessingOutput
    """Whether the server loaded the model and answered; a pusher reads it. With
    `make_warmup` it also has the model with its warm-up requests, which a pusher can
    push.
    """

class InfraValidatorTask(PipelineTask):
    @property
    def outputs(self) -> InfraValidatorOutputs: ...
    @property
    def output(self) -> InfraBlessingOutput: ...

def infra_validator(
    *,
    model: Input[Model],
    examples: Input[Examples] = ...,
    serving_spec: dict[str, Any] | Message | Value = {},
    request_spec: dict[str, Any] | Message | Value = {},
    validation_spec: dict[str, Any] | Message | Value = {},
    model_server: str | Value = "auto",
) -> InfraValidatorTask:
    """Loads a model into a server, sends requests with some examples, and blesses it if it answers.

    Args:
        model: The model, a SavedModel.
        examples: Rows to make requests from, in the format that the model's signatures parse.
        serving_spec: A tfx.proto.ServingSpec: `{"model_name": ...}`. The server is part of this
            task's image, so the fields for a server in Docker or Kubernetes are ignored.
        request_spec: A tfx.proto.RequestSpec: `{"tensorflow_serving": {"signature_names": [...],
            "tag_set": [...]}, "split_name": ..., "num_examples": ..., "make_warmup": ...}`. It
            needs `examples`. Without it the model is only loaded.
        validation_spec: A tfx.proto.ValidationSpec: `{"max_loading_time_seconds": ..., "num_tries":
            ...}`. By default 300 seconds and 5 tries.
        model_server: `tensorflow_model_server`: TensorFlow Serving's program. `embedded`: a server
            in Python with the same services. `auto`: the program if it is installed, else the
            server in Python.

    Outputs:
        blessing: Whether the server loaded the model and answered; a pusher reads it. With
            `make_warmup` it also has the model with its warm-up requests, which a pusher can
            push.
    """

class KubernetesPusherOutputs(TypedDict):
    pushed_model: PushedModelOutput
    """A copy of the pushed model; empty if nothing was pushed. Its metadata has
    the location that the server reads as `pushed_destination`, the version as
    `pushed_version`, and the server's address as `url`.
    """

class KubernetesPusherTask(PipelineTask):
    @property
    def outputs(self) -> KubernetesPusherOutputs: ...
    @property
    def output(self) -> PushedModelOutput: ...

def kubernetes_pusher(
    *,
    model: Input[Model] = ...,
    model_blessing: Input[ModelBlessing] = ...,
    infra_blessing: Input[InfraBlessing] = ...,
    server: str | Value,
    name: str | Value,
    base_directory: str | Value,
    namespace: str | Value = "",
    storage_uri: str | Value = "",
    model_format: str | Value = "tensorflow",
    runtime: str | Value = "",
    image: str | Value = "tensorflow/serving:2.19.1",
    resources: dict[str, Any] | Message | Value = {},
    pod_spec: dict[str, Any] | Message | Value = {},
    service_account: str | Value = "",
    min_replicas: int | Value = 1,
    max_replicas: int | Value = 0,
    canary_traffic_percent: int | Value = 100,
    roll_back: bool | Value = False,
    timeout_seconds: int | Value = 900,
    kubeconfig_context: str | Value = "",
) -> KubernetesPusherTask:
    """Deploys a blessed model to KServe or TensorFlow Serving on Kubernetes, and waits for it.

    Args:
        model: The model to push.
        model_blessing: The evaluator's verdict; a model that is not blessed is not pushed.
        infra_blessing: The infra validator's verdict; a model that is not blessed is not pushed.
        server: `kserve`: creates or changes an InferenceService. `tf_serving`: creates or changes a
            Deployment of TensorFlow Serving and its Service.
        name: Name of the InferenceService, or of the Deployment and the Service, and of the model.
        base_directory: Where this task writes models: a directory of a mounted volume, or a
            `gs://` URI on Vertex AI.
        namespace: Namespace of the server; by default that of this task.
        storage_uri: The server's URI for `base_directory`, such as `pvc://claim/models` or
            `s3://bucket/models`; by default `base_directory` itself.
        model_format: KServe's name for the format of the model.
        runtime: KServe's serving runtime. By default KServe chooses one for the format.
        image: Image of TensorFlow Serving, for `tf_serving`.
        resources: Resources of the server's container, such as `{"limits": {"cpu": "2", "memory":
            "4Gi"}}`.
        pod_spec: Other fields of the specification of the pods, such as `{"nodeSelector": {...}}`.
        service_account: Service account of the server's pods.
        min_replicas: For `kserve`, the minimum number of replicas; with 0, KServe can scale to
            zero. For `tf_serving`, the number of replicas; with 0, an autoscaler sets it.
        max_replicas: The maximum number of replicas, for `kserve`.
        canary_traffic_percent: Percentage of the requests that this version gets, for `kserve`. The
            previous version gets the others.
        roll_back: Whether to return to the previous version if this one does not become ready. The
            task fails in both cases.
        timeout_seconds: How long the version can take to become ready.
        kubeconfig_context: Context of the kubeconfig file. By default the cluster in which the task
            runs, or the current context of the file.

    Outputs:
        pushed_model: A copy of the pushed model; empty if nothing was pushed. Its metadata has
            the location that the server reads as `pushed_destination`, the version as
            `pushed_version`, and the server's address as `url`.
    """

class LatestArtifactOutputs(TypedDict):
    artifact: Output[Any]
    """The artifact that was found, of any type, with its own metadata and `found` 1."""

class LatestArtifactTask(PipelineTask):
    @property
    def outputs(self) -> LatestArtifactOutputs: ...
    @property
    def output(self) -> Output[Any]: ...

def latest_artifact(
    *,
    producer: str | Value,
    output: str | Value,
    alternatives: list[Any] | Value = [],
    together_with: list[Any] | Value = [],
    include_this_run: bool | Value = False,
    search_root: str | Value = "",
    output_key: str | Value = "",
) -> LatestArtifactTask:
    """Finds the newest artifact that a task made in an earlier run: TFX's LatestArtifactStrategy.

    To continue training from the last model:

        last = latest_artifact(producer="trainer", output="model")
        trainer(examples=examples, base_model=last.outputs["artifact"], module_file="model.py")

    In the first run nothing is found: the output is an empty directory with metadata `found` 0.
    Headrace's components treat it like an optional input that is not connected.

    Args:
        producer: Name of the task that makes it, such as `trainer` or `transform-2`, or its display
            name. A task with this name in a loop or a condition counts too.
        output: Name of the task's output, such as `model` or `updated_analyzer_cache`.
        alternatives: More outputs that count too, such as `["tuned-trainer/model"]`; the newest
            one is taken.
        together_with: Lists of outputs, such as `[["evaluator/evaluation"]]`. Nothing is found
            unless there is an artifact of one output of each list too.
        include_this_run: Whether an artifact that the task made in this run counts. If so, let this
            task run after that one, with `.after()`.
        search_root: Directory or URI to search instead of this pipeline's root. On Kubeflow the
            artifact that is found is copied.
        output_key: What lineage on this machine calls the output, for readers of TFX's metadata,
            who know the key of a Resolver's channel; empty for `artifact`.

    Outputs:
        artifact: The artifact that was found, of any type, with its own metadata and `found` 1.
    """

class LatestBlessedModelOutputs(TypedDict):
    model: ModelOutput
    """The model that was found; empty, with metadata `found` 0, if there is none yet."""
    model_blessing: ModelBlessingOutput
    """Its blessing."""

class LatestBlessedModelTask(PipelineTask):
    @property
    def outputs(self) -> LatestBlessedModelOutputs: ...

def latest_blessed_model(
    *,
    blessings: list[Any] | Value = [],
    models: list[Any] | Value = [],
    search_root: str | Value = "",
) -> LatestBlessedModelTask:
    """Finds the newest model that an evaluator of this pipeline blessed.

    Args:
        blessings: The outputs whose blessings count, as `["evaluator/blessing"]`, or tasks, as
            `["evaluator"]`. Empty for every blessing.
        models: The outputs whose models count, as `["trainer/model"]`, or tasks. Empty for every
            model.
        search_root: Directory or URI to search instead of this pipeline's root.

    Outputs:
        model: The model that was found; empty, with metadata `found` 0, if there is none yet.
        model_blessing: Its blessing.
    """

class ParquetExampleGenOutputs(TypedDict):
    examples: ExamplesOutput
    """The rows as gzip TFRecords of tf.Example, with a columnar twin."""

class ParquetExampleGenTask(PipelineTask):
    @property
    def outputs(self) -> ParquetExampleGenOutputs: ...
    @property
    def output(self) -> ExamplesOutput: ...

def parquet_example_gen(
    *,
    input_base: str | Value,
    input_config: dict[str, Any] | Message | Value = {},
    output_config: dict[str, Any] | Message | Value = {},
    range_config: dict[str, Any] | Message | Value = {},
    span: int | Value = -1,
    compression_level: int | Value = 1,
    columnar: bool | Value = True,
    beam_pipeline_args: list[Any] | Value = [],
) -> ParquetExampleGenTask:
    """Reads Parquet files into tf.Examples and splits them.

    Integers and booleans become int64, other numbers float32. Text and bytes become bytes. Dates
    and times become text in ISO 8601 format. A list keeps its values. 0, False and the empty text
    are values; TFX treats them as missing. This example reads the files of the latest day, and
    divides them by customer:

        parquet_example_gen(
            input_base="gs://bucket/orders",
            input_config={"splits": [{"name": "all", "pattern": "day={YYYY}-{MM}-{DD}/*.parquet"}]},
            output_config={
                "split_config": {
                    "splits": [
                        {"name": "train", "hash_buckets": 9},
                        {"name": "eval", "hash_buckets": 1},
                    ],
                    "partition_feature_name": "customer",
                }
            },
        )

    Args:
        input_base: Directory or URI where the input patterns start.
        input_config: A tfx.proto.Input: `{"splits": [{"name": ..., "pattern": ...}]}`. A pattern
            can contain `{SPAN}`, `{SPAN:w}`, `{VERSION}`, `{VERSION:w}` or `{YYYY}`, `{MM}`,
            `{DD}`. If empty, every file of `input_base` is read as one split.
        output_config: A tfx.proto.Output: `{"split_config": {"splits": [{"name": ...,
            "hash_buckets": ...}], "partition_feature_name": ...}}`. If empty, one input split is
            divided into train and eval, 2:1, and several input splits are kept as they are.
        range_config: A tfx.proto.RangeConfig: `{"static_range": {...}}` or `{"rolling_range":
            {...}}`. If empty, the latest span is read.
        span: The span to read. With -1, `range_config` decides.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam.

    Outputs:
        examples: The rows as gzip TFRecords of tf.Example, with a columnar twin.
    """

class PusherOutputs(TypedDict):
    pushed_model: PushedModelOutput
    """A copy of the pushed model; empty if nothing was pushed."""

class PusherTask(PipelineTask):
    @property
    def outputs(self) -> PusherOutputs: ...
    @property
    def output(self) -> PushedModelOutput: ...

def pusher(
    *,
    model: Input[Model] = ...,
    model_blessing: Input[ModelBlessing] = ...,
    infra_blessing: Input[InfraBlessing] = ...,
    push_destination: dict[str, Any] | Message | Value = {},
    base_directory: str | Value = "",
) -> PusherTask:
    """Copies a blessed model into a versioned directory that TensorFlow Serving can watch.

    Args:
        model: The model to push.
        model_blessing: The evaluator's verdict; a model that is not blessed is not pushed.
        infra_blessing: The infra validator's verdict; a model that is not blessed is not pushed.
        push_destination: A tfx.proto.PushDestination: `{"filesystem": {"base_directory": ...}}`.
        base_directory: The same directory in a shorter form.

    Outputs:
        pushed_model: A copy of the pushed model; empty if nothing was pushed.
    """

class QueryExampleGenOutputs(TypedDict):
    examples: ExamplesOutput
    """The rows as gzip TFRecords of tf.Example, with a columnar twin."""

class QueryExampleGenTask(PipelineTask):
    @property
    def outputs(self) -> QueryExampleGenOutputs: ...
    @property
    def output(self) -> ExamplesOutput: ...

def query_example_gen(
    *,
    url: str | Value,
    query: str | Value = "",
    input_config: dict[str, Any] | Message | Value = {},
    output_config: dict[str, Any] | Message | Value = {},
    range_config: dict[str, Any] | Message | Value = {},
    span: int | Value = -1,
    compression_level: int | Value = 1,
    columnar: bool | Value = True,
    beam_pipeline_args: list[Any] | Value = [],
) -> QueryExampleGenTask:
    """Reads the rows of an SQL query into tf.Examples and splits them.

    It reads every database for which SQLAlchemy has a dialect; the image has the drivers of SQLite
    and PostgreSQL. Integers and booleans become int64, other numbers float32. Text and bytes become
    bytes. Dates and times become text in ISO 8601 format. NULL is a missing value. This example
    reads one day of rides, with a password from the task's environment:

        query_example_gen(
            url="postgresql://reader:${RIDES_PASSWORD}@db.example/rides",
            query="SELECT fare, company FROM rides WHERE started >= to_timestamp("
            "@span_begin_timestamp) AND started < to_timestamp(@span_end_timestamp)",
            span=19723,
        )

    The local cache is never used for this task, because only the query shows the data in the
    database. Rows keep the order in which the database returns them: with an ORDER BY, the same
    rows give the same bytes.

    Args:
        url: URL of the database, in SQLAlchemy's format. `${NAME}` stands for an environment
            variable of the task, or of the workers on Beam. Put the password or the whole URL into
            such a variable: a password in the parameter itself is refused.
        query: The query. `@span_begin_timestamp` and `@span_end_timestamp` stand for the seconds
            since the epoch at which the span's day begins and ends in UTC. `@span_yyyymmdd_utc`
            stands for its date in quotes, such as '20240101'.
        input_config: Instead of `query`, one query for each split, as a tfx.proto.Input:
            `{"splits": [{"name": ..., "pattern": "SELECT ..."}]}`.
        output_config: A tfx.proto.Output: `{"split_config": {"splits": [{"name": ...,
            "hash_buckets": ...}], "partition_feature_name": ...}}`. If empty, one input split is
            divided into train and eval, 2:1, and several input splits are kept as they are.
        range_config: A tfx.proto.RangeConfig with one span: `{"static_range": {"start_span_number":
            ..., "end_span_number": ...}}`.
        span: The span to read, in days since 1970-01-01. With -1, `range_config` decides.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam.

    Outputs:
        examples: The rows as gzip TFRecords of tf.Example, with a columnar twin.
    """

class ReadValueOutputs(TypedDict):
    text: PipelineParameterChannel
    """The property, or the URI, as text."""
    integer: PipelineParameterChannel
    """The property as a whole number; 0 if it is none."""
    number: PipelineParameterChannel
    """The property as a number; 0 if it is none."""
    json: PipelineParameterChannel
    """The object of `json_text`; empty without it."""
    holds: PipelineParameterChannel
    """Whether `any_of` holds."""

class ReadValueTask(PipelineTask):
    @property
    def outputs(self) -> ReadValueOutputs: ...

def read_value(
    *,
    artifact: Input[Any] = ...,
    property_name: str | Value = "",
    is_number: bool | Value = False,
    json_text: str | Value = "",
    any_of: list[Any] | Value = [],
) -> ReadValueTask:
    """Reads a value that a condition or a parameter needs and that only a run has.

    A pipeline's conditions see parameters, and not the properties of artifacts. To push a model if
    it was found good:

        blessed = read_value(artifact=evaluator.outputs["blessing"], property_name="blessed")
        with dsl.If(blessed.outputs["integer"] == 1):
            pusher(model=trainer.outputs["model"], base_directory="serving")

    It also makes a dict of JSON text, and decides conditions with "or", which kfp does not have.

    Args:
        artifact: What has the property, of whatever type.
        property_name: Name of a property of `artifact`, such as `blessed`; empty for its URI.
        is_number: Whether the property has to be a number, for a condition that compares it with
            one.
        json_text: JSON text of an object, which becomes the output `json`.
        any_of: Groups of comparisons, as `[{"all_of": [{"left": 3, "operator": "<", "right":
            5}]}]`. The output `holds` says whether all of one group hold.

    Outputs:
        text: The property, or the URI, as text.
        integer: The property as a whole number; 0 if it is none.
        number: The property as a number; 0 if it is none.
        json: The object of `json_text`; empty without it.
        holds: Whether `any_of` holds.
    """

class SchemaGenOutputs(TypedDict):
    schema: SchemaOutput
    """The inferred schema."""

class SchemaGenTask(PipelineTask):
    @property
    def outputs(self) -> SchemaGenOutputs: ...
    @property
    def output(self) -> SchemaOutput: ...

def schema_gen(
    *,
    statistics: Input[ExampleStatistics],
    infer_feature_shape: bool | Value = True,
    exclude_splits: list[Any] | Value = [],
) -> SchemaGenTask:
    """Infers a schema that the data of every split satisfies.

    Args:
        statistics: Statistics per split.
        infer_feature_shape: Whether a feature that always has one value gets a fixed shape.
        exclude_splits: Names of splits to leave out.

    Outputs:
        schema: The inferred schema.
    """

class SpanRangeOutputs(TypedDict):
    span_examples: ExamplesOutput
    """The rows of all spans, the earliest first. The metadata `spans` lists the
    spans, and `span` is the last one.
    """

class SpanRangeTask(PipelineTask):
    @property
    def outputs(self) -> SpanRangeOutputs: ...
    @property
    def output(self) -> ExamplesOutput: ...

def span_range(
    *,
    examples: Input[Examples],
    range_config: dict[str, Any] | Message | Value,
    search_root: str | Value = "",
    output_key: str | Value = "",
) -> SpanRangeTask:
    """Joins examples of several spans from several runs of this pipeline: TFX's SpanRangeStrategy.

    This pipeline reads one day per run, and trains a model on the last seven days:

        day = csv_example_gen(input_base="rides", input_config={"splits": [
            {"name": "all", "pattern": "{YYYY}-{MM}-{DD}/*.csv"}]})
        week = span_range(
            examples=day.outputs["examples"],
            range_config={"rolling_range": {"num_spans": 7}},
        )
        trainer(examples=week.outputs["span_examples"], module_file="model.py")

    Earlier examples are what the task that makes `examples` wrote in earlier runs. If a span has
    several examples, those of this run are used, else the latest version, else the newest. The
    first run has only its own examples. No rows are read: files are linked, or copied if links do
    not work. If spans are missing, the others are joined.

    Args:
        examples: The examples of one span, which this run read.
        range_config: A tfx.proto.RangeConfig: `{"rolling_range": {"num_spans": ...}}` for this
            number of spans up to the newest, or `{"static_range": {"start_span_number": ...,
            "end_span_number": ...}}`.
        search_root: Directory or URI to search instead of this pipeline's root.
        output_key: What lineage on this machine calls the output, for readers of TFX's metadata,
            who know the key of a Resolver's channel; empty for `span_examples`.

    Outputs:
        span_examples: The rows of all spans, the earliest first. The metadata `spans` lists the
            spans, and `span` is the last one.
    """

class StatisticsGenOutputs(TypedDict):
    statistics: ExampleStatisticsOutput
    """One `FeatureStats.pb` per split."""
    report: HTMLOutput
    """A page that shows every feature with its splits side by side, and what is unusual."""

class StatisticsGenTask(PipelineTask):
    @property
    def outputs(self) -> StatisticsGenOutputs: ...

def statistics_gen(
    *,
    examples: Input[Examples],
    schema: Input[Schema] = ...,
    stats_options: dict[str, Any] | Message | Value = {},
    exclude_splits: list[Any] | Value = [],
    sample_rate: float | Value = 1.0,
    beam_pipeline_args: list[Any] | Value = [],
) -> StatisticsGenTask:
    """Computes the statistics that TFDV computes, for every feature of every split.

    Args:
        examples: Rows to summarise, tf.Examples or tf.SequenceExamples.
        schema: Types and domains to use instead of inferred ones.
        stats_options: Fields of `tfdv.StatsOptions` by name, such as `{"num_top_values": 50}`. On
            Beam it can also have `label_feature`, and `slicing_config`, such as `{"slicing_specs":
            [{"feature_keys": ["origin"]}]}`.
        exclude_splits: Names of splits to leave out.
        sample_rate: Fraction of the rows to read, in (0, 1]. 1.0 reads every row. Beam chooses
            other rows than this process.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam.

    Outputs:
        statistics: One `FeatureStats.pb` per split.
        report: A page that shows every feature with its splits side by side, and what is unusual.
    """

class TfjsConverterOutputs(TypedDict):
    converted_model: ModelOutput
    """`Format-Serving/model.json` and the weights beside it; empty if the model
    is not blessed.
    """

class TfjsConverterTask(PipelineTask):
    @property
    def outputs(self) -> TfjsConverterOutputs: ...
    @property
    def output(self) -> ModelOutput: ...

def tfjs_converter(
    *,
    model: Input[Model],
    model_blessing: Input[ModelBlessing] = ...,
    signature_name: str | Value = "serving_default",
    quantization: str | Value = "none",
    quantized_weights: list[Any] | Value = [],
    weight_shard_size_bytes: int | Value = 4194304,
    use_structured_outputs_names: bool | Value = False,
    control_flow_v2: bool | Value = False,
    strip_debug_ops: bool | Value = True,
    skip_op_check: bool | Value = False,
) -> TfjsConverterTask:
    """Converts a SavedModel into a graph model of TensorFlow.js, for browsers and Node.js.

    Args:
        model: The model, a SavedModel.
        model_blessing: The evaluator's verdict; a model that is not blessed is not converted.
        signature_name: The signature to convert. It must take tensors, because TensorFlow.js cannot
            parse tf.Examples.
        quantization: How weights of type float32 are stored: `none`, unchanged; `float16`, with
            half the size; `uint16` or `uint8`, with half or a quarter of the size, as steps between
            the smallest and the largest value.
        quantized_weights: Names of the weights to quantize, as in `model.json`, with `*` for any
            characters. By default all weights.
        weight_shard_size_bytes: Maximum size of a file of weights. By default 4 MiB, which browsers
            can cache.
        use_structured_outputs_names: Makes `predict` return outputs by name, even if there is only
            one.
        control_flow_v2: Keeps branches and loops as functions, which run faster.
        strip_debug_ops: Leaves out `Assert`, `CheckNumerics` and `Print`.
        skip_op_check: Also converts operations that TensorFlow.js lacks, for a program that
            registers them itself.

    Outputs:
        converted_model: `Format-Serving/model.json` and the weights beside it; empty if the model
            is not blessed.
    """

class TfliteConverterOutputs(TypedDict):
    converted_model: ModelOutput
    """`Format-Serving/model.tflite`, the SavedModel's `assets/`, and
    `signature.json`, which describes how to call the model.
    """
    blessing: ModelBlessingOutput
    """`BLESSED` if the comparison keeps all limits, else `NOT_BLESSED`."""
    report: HTMLOutput
    """A page with the verdict, the sizes and the differences between the answers."""
    metrics: MetricsOutput
    """Sizes, differences and metrics of both models, for comparing runs in the UI."""

class TfliteConverterTask(PipelineTask):
    @property
    def outputs(self) -> TfliteConverterOutputs: ...

def tflite_converter(
    *,
    model: Input[Model],
    examples: Input[Examples] = ...,
    model_blessing: Input[ModelBlessing] = ...,
    signature_name: str | Value = "serving_default",
    quantization: str | Value = "none",
    integer_io: bool | Value = False,
    select_tf_ops: bool | Value = False,
    input_features: dict[str, Any] | Message | Value = {},
    representative_split: str | Value = "train",
    num_representative_rows: int | Value = 200,
    example_splits: list[Any] | Value = [],
    num_check_rows: int | Value = 10000,
    max_relative_difference: float | Value = 0.1,
    min_agreement: float | Value = 0.95,
    label_key: str | Value = "",
    prediction_key: str | Value = "",
    max_metric_loss: dict[str, Any] | Message | Value = {},
) -> TfliteConverterTask:
    """Converts a SavedModel to TF Lite, and blesses it if its answers agree with the SavedModel's.

    Both models get the same examples. The TF Lite model runs in TF Lite's own interpreter, one row
    at a time as on devices. Connect `blessing` to the `model_blessing` of `pusher`: then a model
    that quantization has damaged is not pushed. Without `examples` nothing is compared or blessed.

    Args:
        model: The model, a SavedModel.
        examples: Rows for the comparison, and for the calibration of integers. Use transformed
            examples if the signature takes transformed features.
        model_blessing: The evaluator's verdict; a model that is not blessed is not converted.
        signature_name: The signature to convert. It must take dense tensors by name, not serialized
            examples, which TF Lite cannot parse.
        quantization: `none`; `dynamic_range`: weights of 8 bits; `float16`: weights of 16 bits;
            `int8`: weights and activations of 8 bits; `int16x8`: activations of 16 bits and weights
            of 8 bits. The last two read `examples`.
        integer_io: With `int8` or `int16x8`: inputs and outputs are also integers, and an operation
            without an integer form is an error. Otherwise such an operation stays in floats.
        select_tf_ops: Allows operations that only TensorFlow's own kernels run, such as parsing
            examples. The device then needs the Flex delegate, and so does the comparison.
            TensorFlow 2.16 has the delegate. TensorFlow 2.21 does not, and then nothing is blessed.
        input_features: The feature of the examples for each input of the signature, or a list of
            features to concatenate. An input that is not listed takes the feature with its own
            name.
        representative_split: The split to calibrate integers with.
        num_representative_rows: How many rows of this split to use, from the first.
        example_splits: Names of the splits to compare on; `eval` if empty.
        num_check_rows: Maximum number of rows of each split to compare, from the first. 0 compares
            all.
        max_relative_difference: How much answers may differ: the root mean square of the
            differences of an output, divided by the standard deviation of the SavedModel's answers.
        min_agreement: Minimum share of rows on which the answers agree: the largest value of an
            output with several is at the same place, and an output of integers or strings is the
            same.
        label_key: Feature with the label, a number. It adds metrics of both models.
        prediction_key: The output that the metrics are computed from. It can be empty if the
            signature has only one.
        max_metric_loss: How much worse a metric may become, by its name and in its unit, such as
            `{"AUC": 0.005}`. The names are `SparseCategoricalAccuracy`, `BinaryAccuracy`, `AUC`,
            `MeanSquaredError` and `MeanAbsoluteError`.

    Outputs:
        converted_model: `Format-Serving/model.tflite`, the SavedModel's `assets/`, and
            `signature.json`, which describes how to call the model.
        blessing: `BLESSED` if the comparison keeps all limits, else `NOT_BLESSED`.
        report: A page with the verdict, the sizes and the differences between the answers.
        metrics: Sizes, differences and metrics of both models, for comparing runs in the UI.
    """

class TrainerOutputs(TypedDict):
    model: ModelOutput
    """The model that `run_fn` saved to `fn_args.serving_model_dir`."""
    model_run: ModelRunOutput
    """The files that `run_fn` saved to `fn_args.model_run_dir`, such as TensorBoard
    logs. The metadata `has_finite_loss` is 0 if the loss became NaN or infinite.
    """
    report: HTMLOutput
    """A page with the losses and metrics by epoch or step."""
    metrics: MetricsOutput
    """The last and the best value of each loss and metric, and the number of steps and of
    examples per second, for comparing runs in the UI.
    """

class TrainerTask(PipelineTask):
    @property
    def outputs(self) -> TrainerOutputs: ...

def trainer(
    *,
    examples: Input[Examples],
    transform_graph: Input[TransformGraph] = ...,
    schema: Input[Schema] = ...,
    statistics: Input[ExampleStatistics] = ...,
    base_model: Input[Model] = ...,
    hyperparameters: Input[HyperParameters] = ...,
    module_file: str | Value = "",
    run_fn: str | Value = "",
    train_args: dict[str, Any] | Message | Value = {},
    eval_args: dict[str, Any] | Message | Value = {},
    train_steps: int | Value = 0,
    eval_steps: int | Value = 0,
    custom_config: dict[str, Any] | Message | Value = {},
    distribution: str | Value = "auto",
    mixed_precision: str | Value = "",
    xla: bool | Value = False,
) -> TrainerTask:
    """Trains a model by calling `run_fn(fn_args)`.

    Args:
        examples: Rows to train on, raw or transformed.
        transform_graph: Transform's graph, for training and serving.
        schema: Types of the examples.
        statistics: Statistics of the examples, from which `run_fn` gets the number of rows per
            split.
        base_model: A model to start from.
        hyperparameters: The best hyperparameters that a tuner found.
        module_file: Python file with `run_fn(fn_args)`.
        run_fn: Dotted path of this function, instead of `module_file`.
        train_args: A tfx.proto.TrainArgs: `{"splits": [...], "num_steps": ...}`.
        eval_args: A tfx.proto.EvalArgs: `{"splits": [...], "num_steps": ...}`.
        train_steps: Number of training steps. With 0, `train_args` or `run_fn` decides.
        eval_steps: Number of evaluation steps. With 0, `eval_args` or `run_fn` decides.
        custom_config: Passed to `run_fn` as `fn_args.custom_config`.
        distribution: `auto`: `run_fn` makes its own strategy for several GPUs or machines, or uses
            `fn_args.strategy`. `mirrored` (the GPUs of one machine) or `multi_worker` (several
            machines): `run_fn` is called in the scope of such a strategy. `none`: `run_fn` needs no
            strategy.
        mixed_precision: Keras' global policy for `run_fn`: `mixed_bfloat16` or `mixed_float16`.
        xla: Whether XLA compiles what TensorFlow can group, as with `tf.config.optimizer.set_jit`.

    Outputs:
        model: The model that `run_fn` saved to `fn_args.serving_model_dir`.
        model_run: The files that `run_fn` saved to `fn_args.model_run_dir`, such as TensorBoard
            logs. The metadata `has_finite_loss` is 0 if the loss became NaN or infinite.
        report: A page with the losses and metrics by epoch or step.
        metrics: The last and the best value of each loss and metric, and the number of steps and of
            examples per second, for comparing runs in the UI.
    """

class TransformOutputs(TypedDict):
    transform_graph: TransformGraphOutput
    """The transform, in the form that training and serving load."""
    transformed_examples: ExamplesOutput
    """The transformed rows; empty if `materialize` is false."""
    updated_analyzer_cache: TransformCacheOutput
    """Accumulators that a later run may reuse."""
    pre_transform_schema: SchemaOutput
    """Schema of the analyzed rows."""
    pre_transform_stats: ExampleStatisticsOutput
    """Statistics of the analyzed rows."""
    post_transform_schema: SchemaOutput
    """Schema of the transformed rows."""
    post_transform_stats: ExampleStatisticsOutput
    """Statistics of the transformed rows."""
    post_transform_anomalies: ExampleAnomaliesOutput
    """Contradictions between the transformed rows and their schema."""

class TransformTask(PipelineTask):
    @property
    def outputs(self) -> TransformOutputs: ...

def transform(
    *,
    examples: Input[Examples],
    schema: Input[Schema],
    analyzer_cache: Input[TransformCache] = ...,
    module_file: str | Value = "",
    preprocessing_fn: str | Value = "",
    stats_options_updater_fn: str | Value = "",
    splits_config: dict[str, Any] | Message | Value = {},
    custom_config: dict[str, Any] | Message | Value = {},
    materialize: bool | Value = True,
    disable_statistics: bool | Value = False,
    disable_analyzer_cache: bool | Value = False,
    force_tf_compat_v1: bool | Value = False,
    beam_pipeline_args: list[Any] | Value = [],
) -> TransformTask:
    """Analyzes the examples, applies `preprocessing_fn` and saves it as a TensorFlow graph.

    Rows are tf.Examples or tf.SequenceExamples; transformed rows are always tf.Examples. For
    tf.SequenceExamples, `inputs` has context features by name. It has sequence features as ragged
    tensors of shape (rows, steps, values) with tfx_bsl's names, such as `##SEQUENCE##.price`; a
    `tensor_representation_group` in the schema can set others. A ragged output feature is written
    in the form that TensorFlow Transform's `transformed_feature_spec` reads: values as
    `price$ragged_values`, lengths as `price$row_lengths_1`. If an analyzer's result is NaN, the log
    has a warning with the affected features, because `tft.scale_to_0_1` then applies a sigmoid.

    Args:
        examples: Rows to analyze and transform.
        schema: Types of the raw features.
        analyzer_cache: Accumulators of an earlier run.
        module_file: Python file with `preprocessing_fn(inputs[, custom_config])`, and optionally
            `stats_options_updater_fn`.
        preprocessing_fn: Dotted path of this function, instead of `module_file`.
        stats_options_updater_fn: Dotted path of a function that changes the options of the
            statistics. Give it only without `module_file`.
        splits_config: A tfx.proto.SplitsConfig: `{"analyze": [...], "transform": [...]}`. If empty,
            `train` is analyzed and every split is transformed.
        custom_config: Passed to `preprocessing_fn` if it has an argument `custom_config`.
        materialize: Whether to write `transformed_examples`.
        disable_statistics: Whether to leave out the statistics before and after the transform.
        disable_analyzer_cache: Whether to leave out reading and writing accumulators of analyzers.
        force_tf_compat_v1: Whether to trace `preprocessing_fn` as TensorFlow 1 graph code.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process transforms, and uses Beam in memory only for what nothing else
            can analyze.

    Outputs:
        transform_graph: The transform, in the form that training and serving load.
        transformed_examples: The transformed rows; empty if `materialize` is false.
        updated_analyzer_cache: Accumulators that a later run may reuse.
        pre_transform_schema: Schema of the analyzed rows.
        pre_transform_stats: Statistics of the analyzed rows.
        post_transform_schema: Schema of the transformed rows.
        post_transform_stats: Statistics of the transformed rows.
        post_transform_anomalies: Contradictions between the transformed rows and their schema.
    """

class TunerOutputs(TypedDict):
    best_hyperparameters: HyperParametersOutput
    """The hyperparameters of the best trial, for the input
    `hyperparameters` of a trainer.
    """
    tuner_results: TunerResultsOutput
    """Every completed trial with its score and its hyperparameters."""
    report: HTMLOutput
    """A page with the scores and hyperparameters of the trials."""
    metrics: MetricsOutput
    """The best score, and the numbers of trials and of failed trials, for comparing
    runs in the UI.
    """

class TunerTask(PipelineTask):
    @property
    def outputs(self) -> TunerOutputs: ...

def tuner(
    *,
    examples: Input[Examples],
    schema: Input[Schema] = ...,
    transform_graph: Input[TransformGraph] = ...,
    base_model: Input[Model] = ...,
    module_file: str | Value = "",
    tuner_fn: str | Value = "",
    train_args: dict[str, Any] | Message | Value = {},
    eval_args: dict[str, Any] | Message | Value = {},
    tune_args: dict[str, Any] | Message | Value = {},
    train_steps: int | Value = 0,
    eval_steps: int | Value = 0,
    num_parallel_trials: int | Value = 0,
    custom_config: dict[str, Any] | Message | Value = {},
    mixed_precision: str | Value = "",
    xla: bool | Value = False,
) -> TunerTask:
    """Searches for the best hyperparameters with the tuner that `tuner_fn(fn_args)` returns.

    Args:
        examples: Rows to train and evaluate trials on, raw or transformed.
        schema: Types of the examples.
        transform_graph: Transform's graph.
        base_model: A model to start from.
        module_file: Python file with `tuner_fn(fn_args)`, which returns a TunerFnResult: a `tuner`,
            such as keras_tuner.RandomSearch, and the `fit_kwargs` of its `search`.
        tuner_fn: Dotted path of this function, instead of `module_file`.
        train_args: A tfx.proto.TrainArgs: `{"splits": [...], "num_steps": ...}`.
        eval_args: A tfx.proto.EvalArgs: `{"splits": [...], "num_steps": ...}`.
        tune_args: A tfx.proto.TuneArgs: `{"num_parallel_trials": ...}`.
        train_steps: Training steps of a trial. With 0, `train_args` or `tuner_fn` decides.
        eval_steps: Evaluation steps of a trial. With 0, `eval_args` or `tuner_fn` decides.
        num_parallel_trials: Trials that run at once, each in its own process on the task's machine.
            With 0, `tune_args` decides; by default trials run one after the other.
        custom_config: Passed to `tuner_fn` as `fn_args.custom_config`.
        mixed_precision: Keras' global policy for all trials: `mixed_bfloat16` or `mixed_float16`.
        xla: Whether XLA compiles what TensorFlow can group, as with `tf.config.optimizer.set_jit`.

    Outputs:
        best_hyperparameters: The hyperparameters of the best trial, for the input
            `hyperparameters` of a trainer.
        tuner_results: Every completed trial with its score and its hyperparameters.
        report: A page with the scores and hyperparameters of the trials.
        metrics: The best score, and the numbers of trials and of failed trials, for comparing
            runs in the UI.
    """

class VertexPusherOutputs(TypedDict):
    pushed_model: PushedModelOutput
    """A copy of the pushed model; empty if nothing was pushed. Its metadata has
    the resource name of the model as `pushed_destination`, the ID of the version as
    `pushed_version`, and the resource name of the endpoint as `endpoint`.
    """
    gcp_resources: PipelineParameterChannel
    """The model, and the endpoint if there is one, in the JSON form of the
    message `GcpResources` of google-cloud-pipeline-components.
    """

class VertexPusherTask(PipelineTask):
    @property
    def outputs(self) -> VertexPusherOutputs: ...

def vertex_pusher(
    *,
    model: Input[Model] = ...,
    model_blessing: Input[ModelBlessing] = ...,
    infra_blessing: Input[InfraBlessing] = ...,
    project: str | Value,
    region: str | Value,
    model_id: str | Value,
    display_name: str | Value = "",
    version_description: str | Value = "",
    version_aliases: list[Any] | Value = [],
    is_default_version: bool | Value = True,
    labels: dict[str, Any] | Message | Value = {},
    serving_container_image: str | Value = "",
    serving_container: dict[str, Any] | Message | Value = {},
    endpoint: str | Value = "",
    endpoint_spec: dict[str, Any] | Message | Value = {},
    machine_type: str | Value = "n1-standard-4",
    accelerator_type: str | Value = "",
    accelerator_count: int | Value = 0,
    min_replica_count: int | Value = 1,
    max_replica_count: int | Value = 1,
    traffic_percentage: int | Value = 100,
    undeploy_idle_models: bool | Value = False,
    service_account: str | Value = "",
    encryption_key: str | Value = "",
    timeout_seconds: int | Value = 7200,
    api_endpoint: str | Value = "",
) -> VertexPusherTask:
    """Uploads a blessed model as a version to Vertex AI's Model Registry, and can deploy it.

    Args:
        model: The model to push, at a `gs://` URI.
        model_blessing: The evaluator's verdict; a model that is not blessed is not pushed.
        infra_blessing: The infra validator's verdict; a model that is not blessed is not pushed.
        project: ID of the Google Cloud project.
        region: Region of the model, such as `europe-west1`.
        model_id: ID in the Model Registry. A model with this ID gets a new version. If there is
            none, it is made.
        display_name: Name of a new model in the console; by default `model_id`.
        version_description: Description of this version in the console.
        version_aliases: Aliases of this version. Other versions lose them.
        is_default_version: Whether this version gets the requests that name no version.
        labels: Labels of the version, for search and billing.
        serving_container_image: Image that serves the model. By default Vertex AI's image for
            TensorFlow 2.15, for GPUs if there is an `accelerator_type`.
        serving_container: Other fields of the API's `ModelContainerSpec`, such as `{"env":
            [{"name": ..., "value": ...}], "ports": [{"container_port": 8080}]}`.
        endpoint: ID of the endpoint to deploy to. If there is none, it is made. If empty, nothing
            is deployed.
        endpoint_spec: Fields of the API's `Endpoint` for a new endpoint, such as
            `{"private_service_connect_config": {"enable_private_service_connect": true}}`,
            `network` or `dedicated_endpoint_enabled`.
        machine_type: Machine type of a replica.
        accelerator_type: Accelerator type of a replica, such as `NVIDIA_L4`.
        accelerator_count: Number of accelerators of a replica.
        min_replica_count: Minimum number of replicas.
        max_replica_count: Maximum number of replicas.
        traffic_percentage: Percentage of the endpoint's requests that this version gets. The shares
            of the other versions become smaller in proportion. With 0 it is deployed, but gets no
            requests.
        undeploy_idle_models: Whether to undeploy models that no longer get any requests.
        service_account: Service account of the model's container.
        encryption_key: Cloud KMS key for the model and for a new endpoint, such as
            `projects/P/locations/R/keyRings/K/cryptoKeys/N`.
        timeout_seconds: How long to wait for Vertex AI in total.
        api_endpoint: Host of the API if it is not that of the region, such as a Private Service
            Connect endpoint.

    Outputs:
        pushed_model: A copy of the pushed model; empty if nothing was pushed. Its metadata has
            the resource name of the model as `pushed_destination`, the ID of the version as
            `pushed_version`, and the resource name of the endpoint as `endpoint`.
        gcp_resources: The model, and the endpoint if there is one, in the JSON form of the
            message `GcpResources` of google-cloud-pipeline-components.
    """

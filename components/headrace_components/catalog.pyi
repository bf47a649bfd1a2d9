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
    """The rows, as gzip TFRecords of tf.Example, with a columnar twin."""

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

    Whole numbers and truth values become int64, numbers float32, text and bytes bytes; dates and
    times become ISO 8601 text; a list keeps its values. 0, False and the empty text are values; TFX
    treats them as missing. The files of the latest day, divided by customer:

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
        input_base: Directory or URI under which the input patterns lie.
        input_config: `{"splits": [{"name": ..., "pattern": ...}]}`, as tfx.proto.Input. A pattern
            may hold `{SPAN}`, `{SPAN:w}`, `{VERSION}`, `{VERSION:w}` or `{YYYY}`, `{MM}`, `{DD}`.
            Empty reads every file of `input_base` as one split.
        output_config: `{"split_config": {"splits": [{"name": ..., "hash_buckets": ...}],
            "partition_feature_name": ...}}`, as tfx.proto.Output. Empty splits train:eval by 2:1,
            or keeps several input splits as they are.
        range_config: `{"static_range": {...}}` or `{"rolling_range": {...}}`, as
            tfx.proto.RangeConfig. Empty takes the latest span.
        span: The span to read; -1 leaves the choice to `range_config`.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.

    Outputs:
        examples: The rows, as gzip TFRecords of tf.Example, with a columnar twin.
    """

class BigqueryExampleGenOutputs(TypedDict):
    examples: ExamplesOutput
    """The rows, as gzip TFRecords of tf.Example, with a columnar twin."""

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

    INTEGER and BOOLEAN become int64; FLOAT, NUMERIC and BIGNUMERIC float32; STRING, BYTES, JSON
    and GEOGRAPHY bytes; dates and times text in the format of ISO 8601. A repeated column keeps its
    values; NULL is a missing value. Select the fields of a STRUCT by name. One day of rides:

        bigquery_example_gen(
            project="my-project",
            query="SELECT fare, company FROM rides.all WHERE started >= TIMESTAMP_SECONDS("
            "@span_begin_timestamp) AND started < TIMESTAMP_SECONDS(@span_end_timestamp)",
            span=19723,
            maximum_bytes_billed=10**11,
        )

    A query is checked before it runs, at no cost: it must be a SELECT and return types that
    tf.Examples can hold. The task's account needs the roles BigQuery Job User and, for the Storage
    Read API, BigQuery Read Session User on `project`, and BigQuery Data Viewer on the data.

    The local cache is never used for this task, because only the query shows the data in BigQuery.
    Rows keep the order in which BigQuery returns them: with an ORDER BY, the same rows give the
    same bytes.

    Args:
        project: Project that runs and pays for the queries. Empty takes that of the environment,
            which on Vertex AI is a project of Google's: give it there.
        location: Region of the data, as `EU`. Empty lets BigQuery find it.
        labels: Labels of the query jobs, to find their cost by.
        maximum_bytes_billed: A query that would be billed for more bytes fails without cost; 0 sets
            no bound.
        use_storage_api: Whether to read results through the Storage Read API, many times as fast
            as the REST API, and billed by bytes read. Without permission the REST API is used.
        query: The query in GoogleSQL; `@span_begin_timestamp` and `@span_end_timestamp` stand for
            the seconds since the epoch at which the span's day begins and ends in UTC,
            `@span_yyyymmdd_utc` for its date in quotes, as '20240101'.
        input_config: In place of `query`, one for each split: `{"splits": [{"name": ...,
            "pattern": "SELECT ..."}]}`, as tfx.proto.Input.
        output_config: `{"split_config": {"splits": [{"name": ..., "hash_buckets": ...}],
            "partition_feature_name": ...}}`, as tfx.proto.Output. Empty splits train:eval by 2:1,
            or keeps several input splits as they are.
        range_config: `{"static_range": {"start_span_number": ..., "end_span_number": ...}}` of one
            span, as tfx.proto.RangeConfig.
        span: The span to read, in days since 1970-01-01; -1 leaves the choice to `range_config`.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`: then
            a worker runs each query, and all divide and write its rows. None computes in this
            process, without Beam.

    Outputs:
        examples: The rows, as gzip TFRecords of tf.Example, with a columnar twin.
    """

class BulkInferrerOutputs(TypedDict):
    inference_result: InferenceResultOutput
    """Prediction logs; empty where `output_example_spec` is given."""
    output_examples: ExamplesOutput
    """The examples with the predictions as columns; empty otherwise."""

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
    """Predicts every row with a model: writes prediction logs, or examples with more columns.

    Args:
        examples: Rows to predict, of the kind that the model's signature parses.
        model: The model, a SavedModel.
        model_blessing: The evaluator's verdict; a model that is not blessed predicts nothing.
        data_spec: `{"example_splits": [...]}`, as tfx.proto.DataSpec; all splits by default.
        model_spec: `{"model_signature_name": [...], "tag": [...]}`, as tfx.proto.ModelSpec; the
            signature `serving_default` by default.
        output_example_spec: `{"output_columns_spec": [{"signature_name": ..., "predict_output":
            {"output_columns": [{"output_key": ..., "output_column": ...}]}}]}`, as
            tfx.proto.OutputExampleSpec; also `classify_output` and `regress_output`.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.

    Outputs:
        inference_result: Prediction logs; empty where `output_example_spec` is given.
        output_examples: The examples with the predictions as columns; empty otherwise.
    """

class CsvExampleGenOutputs(TypedDict):
    examples: ExamplesOutput
    """The rows, as gzip TFRecords of tf.Example, with a columnar twin."""

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
        input_base: Directory or URI under which the input patterns lie.
        delimiter: The character between two fields.
        column_types: `{"fare": "FLOAT", "code": "BYTES"}`: INT, FLOAT or BYTES by name of a column.
            Name those whose type is to be the same on every day; others have the type of what is
            in them.
        input_config: `{"splits": [{"name": ..., "pattern": ...}]}`, as tfx.proto.Input. A pattern
            may hold `{SPAN}`, `{SPAN:w}`, `{VERSION}`, `{VERSION:w}` or `{YYYY}`, `{MM}`, `{DD}`.
            Empty reads every file of `input_base` as one split.
        output_config: `{"split_config": {"splits": [{"name": ..., "hash_buckets": ...}],
            "partition_feature_name": ...}}`, as tfx.proto.Output. Empty splits train:eval by 2:1,
            or keeps several input splits as they are.
        range_config: `{"static_range": {...}}` or `{"rolling_range": {...}}`, as
            tfx.proto.RangeConfig. Empty takes the latest span.
        span: The span to read; -1 leaves the choice to `range_config`.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.

    Outputs:
        examples: The rows, as gzip TFRecords of tf.Example, with a columnar twin.
    """

class DistributionValidatorOutputs(TypedDict):
    anomalies: ExampleAnomaliesOutput
    """One `SchemaDiff.pb` per pair of splits; its metadata `blessed` says 1 or 0 by
    pair, or 2 by split where there is no baseline.
    """
    report: HTMLOutput
    """A page with the features, the worst first, under test and in the baseline."""
    metrics: MetricsOutput
    """Number of features compared, over their threshold and not compared, and the
    largest distance, for the UI to compare runs by.
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
    """Finds features whose distribution has moved: drift between days, skew between sources.

    Numbers are compared by `jensen_shannon_divergence`, which needs the histograms that
    statistics_gen writes; strings also by `infinity_norm` or `normalized_abs_difference`. A
    feature that cannot be compared is an anomaly, not a pass:

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
        baseline_statistics: Statistics to compare with. Unconnected or empty, as in a first run,
            nothing is compared.
        config: A `tfx.proto.DistributionValidatorConfig` in JSON form.
        include_split_pairs: Pairs of split names, the one under test first, as
            `[["eval", "train"]]`. Empty compares splits of one name.
        custom_validation_config: A `tfdv.CustomValidationConfig` in JSON form: conditions in SQL
            over the statistics of a feature, or of a feature and its baseline.
        fail_on_anomalies: Whether an anomaly fails the task, and with it the run.

    Outputs:
        anomalies: One `SchemaDiff.pb` per pair of splits; its metadata `blessed` says 1 or 0 by
            pair, or 2 by split where there is no baseline.
        report: A page with the features, the worst first, under test and in the baseline.
        metrics: Number of features compared, over their threshold and not compared, and the
            largest distance, for the UI to compare runs by.
    """

class EvaluatorOutputs(TypedDict):
    evaluation: ModelEvaluationOutput
    """Metrics per slice, as TFMA writes them."""
    blessing: ModelBlessingOutput
    """`BLESSED` or `NOT_BLESSED`."""
    report: HTMLOutput
    """A page with the verdict and the metrics per slice, the worst slice first."""
    metrics: MetricsOutput
    """The metrics over all rows, for the UI to compare runs by."""
    classification_metrics: ClassificationMetricsOutput
    """ROC curve and confusion matrix of the candidate, for the UI to draw;
    empty unless `eval_config` has `ConfusionMatrixPlot` or another metric that makes one.
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
    Without any threshold no model is blessed: to push all models, leave the blessing input of
    `pusher` unconnected.

    Args:
        examples: Rows to evaluate on.
        model: The candidate. Unconnected only where `eval_config` names a prediction key.
        baseline_model: A model that the candidate is compared with. One that is empty, or is the
            candidate itself, counts as none.
        schema: Types of the examples.
        eval_config: A `tfma.EvalConfig` in JSON form: model specs, slices, metrics, thresholds.
        example_splits: Names of the splits to evaluate; empty takes `eval`.
        fairness_indicator_thresholds: Adds fairness indicators at these thresholds, each in (0, 1).
        module_file: Python file with `custom_eval_shared_model` or `custom_extractors`, and metrics
            that `eval_config` names by `module`.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            evaluates in this process; Beam then takes what only it can compute, in memory.

    Outputs:
        evaluation: Metrics per slice, as TFMA writes them.
        blessing: `BLESSED` or `NOT_BLESSED`.
        report: A page with the verdict and the metrics per slice, the worst slice first.
        metrics: The metrics over all rows, for the UI to compare runs by.
        classification_metrics: ROC curve and confusion matrix of the candidate, for the UI to draw;
            empty unless `eval_config` has `ConfusionMatrixPlot` or another metric that makes one.
    """

class ExampleDiffOutputs(TypedDict):
    example_diff_result: ExamplesDiffOutput
    """Per pair of splits the differences by feature, how rows matched, a
    sample of pairs that differ, and how values were confused.
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

    An example is the skew between the rows that a served model logged and the rows that it is
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
        baseline_examples: The rows they are compared with.
        config: A `tfx.proto.ExampleDiffConfig` in JSON form. Floats are compared as they are where
            it has no `float_round_ndigits`.
        include_split_pairs: Pairs of split names, the one under test first, as
            `[["eval", "train"]]`. Empty compares every split with every other.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam. On Beam, the sample may be another one.

    Outputs:
        example_diff_result: Per pair of splits the differences by feature, how rows matched, a
            sample of pairs that differ, and how values were confused.
    """

class ExampleValidatorOutputs(TypedDict):
    anomalies: ExampleAnomaliesOutput
    """One `SchemaDiff.pb` per split."""
    report: HTMLOutput
    """A page that shows each anomaly, how bad it is and what to do about it."""

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
    `not_in_environment: "SERVING"` on the label. Serving rows are then validated with

        example_validator(statistics=serving, schema=schema, environment="SERVING")

    Args:
        statistics: Statistics per split.
        schema: What the data should look like.
        exclude_splits: Names of splits to leave out.
        fail_on_anomalies: Whether an anomaly fails the task, and with it the run.
        environment: The schema's environment to validate against, one of its
            `default_environment`s; a feature that is not in it is not expected. Empty validates
            against all features.

    Outputs:
        anomalies: One `SchemaDiff.pb` per split.
        report: A page that shows each anomaly, how bad it is and what to do about it.
    """

class FilterExamplesOutputs(TypedDict):
    filtered_examples: ExamplesOutput
    """The rows kept, with the splits, span and payload format of `examples`."""

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
    """Keeps the rows that a function chooses, unchanged and, without Beam, in their order.

    The function is one of two. `filter_fn(serialized: bytes) -> bool` is called for each record.
    `filter_batch_fn(batch: pyarrow.RecordBatch)` is called for some thousand rows and returns one
    truth value for each. This is faster, because no row needs its own call and its own tf.Example:

        import pyarrow.compute as pc

        def filter_batch_fn(batch):
            # Flights that took off. A feature is a list column, null where a row lacks it.
            return pc.greater(pc.fill_null(pc.list_value_length(batch["dep_delay"]), 0), 0)

    Args:
        examples: Rows to choose from; all splits are filtered.
        module_file: Python file with one of the two functions.
        filter_fn: That function as a dotted path; excludes the others.
        filter_batch_fn: That function as a dotted path; excludes the others. It needs tf.Examples.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.

    Outputs:
        filtered_examples: The rows kept, with the splits, span and payload format of `examples`.
    """

class ImportExampleGenOutputs(TypedDict):
    examples: ExamplesOutput
    """The records as they are, in gzip TFRecords, or in Parquet files for
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

    tf.Examples in one directory per day; the latest day is read and divided 2:1:

        import_example_gen(
            input_base="gs://bucket/rides",
            input_config={"splits": [{"name": "all", "pattern": "{YYYY}-{MM}-{DD}/*.tfrecord.gz"}]},
        )

    Sequence examples that are already divided:

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
        input_base: Directory or URI under which the input patterns lie.
        payload_format: What a record is: `FORMAT_TF_EXAMPLE`, `FORMAT_TF_SEQUENCE_EXAMPLE` or
            `FORMAT_PROTO` in TFRecord files, gzip or not, or `FORMAT_PARQUET` for the rows of
            Parquet files.
        input_config: `{"splits": [{"name": ..., "pattern": ...}]}`, as tfx.proto.Input. A pattern
            may hold `{SPAN}`, `{SPAN:w}`, `{VERSION}`, `{VERSION:w}` or `{YYYY}`, `{MM}`, `{DD}`.
            Empty reads every file of `input_base` as one split.
        output_config: `{"split_config": {"splits": [{"name": ..., "hash_buckets": ...}],
            "partition_feature_name": ...}}`, as tfx.proto.Output. Empty splits train:eval by 2:1,
            or keeps several input splits as they are.
        range_config: `{"static_range": {...}}` or `{"rolling_range": {...}}`, as
            tfx.proto.RangeConfig. Empty takes the latest span.
        span: The span to read; -1 leaves the choice to `range_config`.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster; only
            tf.Examples have one.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.

    Outputs:
        examples: The records as they are, in gzip TFRecords, or in Parquet files for
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
    """Imports a curated schema.

    Args:
        schema_file: Path or URI of a text-format `tensorflow.metadata.v0.Schema`.
        schema_json: The schema itself, in JSON form.

    Outputs:
        schema: The schema, checked and copied.
    """

class InfraValidatorOutputs(TypedDict):
    blessing: InfraBlessingOutput
    """Whether the server loaded the model and answered; a pusher reads it. With
    `make_warmup` also the model with its warm-up requests, which a pusher can push.
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
        examples: Rows to ask about, of the kind that the model's signatures parse.
        serving_spec: `{"model_name": ...}`, as tfx.proto.ServingSpec. The server is that of this
            task's image: what TFX starts in Docker or Kubernetes is named there in vain.
        request_spec: `{"tensorflow_serving": {"signature_names": [...], "tag_set": [...]},
            "split_name": ..., "num_examples": ..., "make_warmup": ...}`, as tfx.proto.RequestSpec;
            needs `examples`. Without it the model is only loaded.
        validation_spec: `{"max_loading_time_seconds": ..., "num_tries": ...}`, as
            tfx.proto.ValidationSpec; 300 seconds and 5 tries by default.
        model_server: `tensorflow_model_server`, TensorFlow Serving's binary; `embedded`, a server
            in Python with the same services; or `auto`, the binary where it is installed.

    Outputs:
        blessing: Whether the server loaded the model and answered; a pusher reads it. With
            `make_warmup` also the model with its warm-up requests, which a pusher can push.
    """

class KubernetesPusherOutputs(TypedDict):
    pushed_model: PushedModelOutput
    """A copy of what was pushed; empty where it was not. Its metadata has what the
    server reads as `pushed_destination`, the version as `pushed_version`, and where it
    answers as `url`.
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
        infra_blessing: The infra validator's verdict; likewise.
        server: `kserve`, which makes or changes an InferenceService, or `tf_serving`, which makes
            or changes a Deployment of TensorFlow Serving and its Service.
        name: Name of the InferenceService, or of the Deployment and the Service; the model has it
            too.
        base_directory: Where this task writes models: a directory of a mounted volume, or a
            `gs://` URI on Vertex AI.
        namespace: Where the server runs; the namespace of this task by default.
        storage_uri: What the server calls `base_directory`, as `pvc://claim/models` or
            `s3://bucket/models`; the same by default.
        model_format: KServe's name for the kind of model.
        runtime: KServe's serving runtime; by default KServe chooses one for the format.
        image: Image of TensorFlow Serving for `tf_serving`.
        resources: Of the server's container, as `{"limits": {"cpu": "2", "memory": "4Gi"}}`.
        pod_spec: Other fields of the pods' specification, as `{"nodeSelector": {...}}`.
        service_account: Account that the server's pods run as.
        min_replicas: For `kserve` the fewest replicas; 0 lets it scale to none. For `tf_serving`
            their number; 0 leaves it to an autoscaler.
        max_replicas: The most replicas, for `kserve`.
        canary_traffic_percent: Share of the requests that this version gets, for `kserve`; the
            version before keeps the others.
        roll_back: Whether to go back to the version before if this one does not come up; the task
            fails either way.
        timeout_seconds: How long the version may take to come up.
        kubeconfig_context: Context of the kubeconfig file to use; by default the cluster in which
            the task runs, or the file's current context.

    Outputs:
        pushed_model: A copy of what was pushed; empty where it was not. Its metadata has what the
            server reads as `pushed_destination`, the version as `pushed_version`, and where it
            answers as `url`.
    """

class LatestArtifactOutputs(TypedDict):
    artifact: Output[Any]
    """The artifact found, of whatever type, with its own metadata and `found` 1."""

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
) -> LatestArtifactTask:
    """Finds the newest artifact that a task of an earlier run left: LatestArtifactStrategy.

    To continue training from the last model:

        last = latest_artifact(producer="trainer", output="model")
        trainer(examples=examples, base_model=last.outputs["artifact"], module_file="model.py")

    In the first run nothing is found: the output is an empty directory with metadata `found` 0.
    Headrace's components treat it like an optional input that is not connected.

    Args:
        producer: Name of the task that makes it, as `trainer` or `transform-2`, or its display
            name. A task of that name in a loop or a condition counts too.
        output: Name of the task's output, as `model` or `updated_analyzer_cache`.
        alternatives: More outputs that count too, as `["tuned-trainer/model"]`; the newest wins.
        together_with: Lists of outputs, as `[["evaluator/evaluation"]]`. Nothing is found unless
            there is an artifact of one output of each list too.
        include_this_run: Whether what the task made in this run counts. Then order the two with
            `.after()`.
        search_root: Directory or URI to search instead of this pipeline's root. On Kubeflow what is
            found is copied.

    Outputs:
        artifact: The artifact found, of whatever type, with its own metadata and `found` 1.
    """

class LatestBlessedModelOutputs(TypedDict):
    model: ModelOutput
    """The model found; empty, with metadata `found` 0, when there is none yet."""
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
        model: The model found; empty, with metadata `found` 0, when there is none yet.
        model_blessing: Its blessing.
    """

class ParquetExampleGenOutputs(TypedDict):
    examples: ExamplesOutput
    """The rows, as gzip TFRecords of tf.Example, with a columnar twin."""

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

    Whole numbers and truth values become int64, numbers float32, text and bytes bytes; dates and
    times become ISO 8601 text; a list keeps its values. 0, False and the empty text are values; TFX
    treats them as missing. The files of the latest day, divided by customer:

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
        input_base: Directory or URI under which the input patterns lie.
        input_config: `{"splits": [{"name": ..., "pattern": ...}]}`, as tfx.proto.Input. A pattern
            may hold `{SPAN}`, `{SPAN:w}`, `{VERSION}`, `{VERSION:w}` or `{YYYY}`, `{MM}`, `{DD}`.
            Empty reads every file of `input_base` as one split.
        output_config: `{"split_config": {"splits": [{"name": ..., "hash_buckets": ...}],
            "partition_feature_name": ...}}`, as tfx.proto.Output. Empty splits train:eval by 2:1,
            or keeps several input splits as they are.
        range_config: `{"static_range": {...}}` or `{"rolling_range": {...}}`, as
            tfx.proto.RangeConfig. Empty takes the latest span.
        span: The span to read; -1 leaves the choice to `range_config`.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.

    Outputs:
        examples: The rows, as gzip TFRecords of tf.Example, with a columnar twin.
    """

class PusherOutputs(TypedDict):
    pushed_model: PushedModelOutput
    """A copy of what was pushed; empty where it was not."""

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
        infra_blessing: The infra validator's verdict; likewise.
        push_destination: `{"filesystem": {"base_directory": ...}}`, as tfx.proto.PushDestination.
        base_directory: The same directory as a parameter of its own.

    Outputs:
        pushed_model: A copy of what was pushed; empty where it was not.
    """

class QueryExampleGenOutputs(TypedDict):
    examples: ExamplesOutput
    """The rows, as gzip TFRecords of tf.Example, with a columnar twin."""

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

    It reads any database for which SQLAlchemy has a dialect; the image has the drivers of SQLite
    and PostgreSQL. Whole numbers and truth values become int64, numbers float32, text and bytes
    bytes; dates and times become ISO 8601 text; NULL is a missing value. One day of
    rides, with the password from the task's environment:

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
        url: URL of the database, as SQLAlchemy reads it. `${NAME}` stands for an environment
            variable of the task, on Beam of its workers: put the password, or the whole URL, into
            one. A password in the parameter itself is refused.
        query: The query; `@span_begin_timestamp` and `@span_end_timestamp` stand for the seconds
            since the epoch at which the span's day begins and ends in UTC, `@span_yyyymmdd_utc` for
            its date in quotes, as '20240101'.
        input_config: In place of `query`, one for each split: `{"splits": [{"name": ...,
            "pattern": "SELECT ..."}]}`, as tfx.proto.Input.
        output_config: `{"split_config": {"splits": [{"name": ..., "hash_buckets": ...}],
            "partition_feature_name": ...}}`, as tfx.proto.Output. Empty splits train:eval by 2:1,
            or keeps several input splits as they are.
        range_config: `{"static_range": {"start_span_number": ..., "end_span_number": ...}}` of one
            span, as tfx.proto.RangeConfig.
        span: The span to read, in days since 1970-01-01; -1 leaves the choice to `range_config`.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.

    Outputs:
        examples: The rows, as gzip TFRecords of tf.Example, with a columnar twin.
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
        infer_feature_shape: Whether features that always hold one value get a fixed shape.
        exclude_splits: Names of splits to leave out.

    Outputs:
        schema: The inferred schema.
    """

class SpanRangeOutputs(TypedDict):
    span_examples: ExamplesOutput
    """The rows of all spans, the earliest first; metadata `spans` lists these, and
    `span` is the last.
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
) -> SpanRangeTask:
    """Joins examples of several spans from several runs of this pipeline: SpanRangeStrategy.

    A pipeline that reads one day per run, and trains a model on the last seven days:

        day = csv_example_gen(input_base="rides", input_config={"splits": [
            {"name": "all", "pattern": "{YYYY}-{MM}-{DD}/*.csv"}]})
        week = span_range(
            examples=day.outputs["examples"],
            range_config={"rolling_range": {"num_spans": 7}},
        )
        trainer(examples=week.outputs["span_examples"], module_file="model.py")

    Earlier examples are the outputs, in earlier runs, of the task that makes `examples`. If a span
    has several, this run's own are used, else the latest version, else the newest. The first run
    only has its own. No rows are read: files are linked, or copied if links do not work. If spans
    are missing, the others are joined.

    Args:
        examples: What this run read, of one span.
        range_config: `{"rolling_range": {"num_spans": ...}}`, so many up to the newest there is, or
            `{"static_range": {"start_span_number": ..., "end_span_number": ...}}`, as
            tfx.proto.RangeConfig.
        search_root: Directory or URI to search instead of this pipeline's root.

    Outputs:
        span_examples: The rows of all spans, the earliest first; metadata `spans` lists these, and
            `span` is the last.
    """

class StatisticsGenOutputs(TypedDict):
    statistics: ExampleStatisticsOutput
    """One `FeatureStats.pb` per split."""
    report: HTMLOutput
    """A page that shows every feature, its splits side by side, and what stands out."""

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
    """Computes statistics of every feature of every split, equal to TFDV's own.

    Args:
        examples: Rows to summarise, tf.Examples or tf.SequenceExamples.
        schema: Types and domains to use instead of inferred ones.
        stats_options: Fields of `tfdv.StatsOptions` by name, as `{"num_top_values": 50}`. On Beam
            also `label_feature`, and `slicing_config`, as
            `{"slicing_specs": [{"feature_keys": ["origin"]}]}`.
        exclude_splits: Names of splits to leave out.
        sample_rate: Fraction of rows read, in (0, 1]. 1.0 reads every row. Beam draws other rows.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.

    Outputs:
        statistics: One `FeatureStats.pb` per split.
        report: A page that shows every feature, its splits side by side, and what stands out.
    """

class TfjsConverterOutputs(TypedDict):
    converted_model: ModelOutput
    """`Format-Serving/model.json` and the weights beside it; empty for a model
    that is not blessed.
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
        signature_name: The signature to convert. It takes tensors: TensorFlow.js cannot parse
            tf.Examples.
        quantization: How weights of type float32 are stored: `none`, as they are; `float16`, half
            the size; `uint16` or `uint8`, half or a quarter, as steps between smallest and largest.
        quantized_weights: Which weights, by the names in `model.json`, with `*` for any
            characters; all by default.
        weight_shard_size_bytes: Size of a file of weights, at most; 4 MiB by default, which
            browsers cache.
        use_structured_outputs_names: Has `predict` return outputs by name, even if it is one.
        control_flow_v2: Keeps branches and loops as functions, which run faster.
        strip_debug_ops: Leaves out `Assert`, `CheckNumerics` and `Print`.
        skip_op_check: Converts operations that TensorFlow.js lacks, for a program that registers
            them itself.

    Outputs:
        converted_model: `Format-Serving/model.json` and the weights beside it; empty for a model
            that is not blessed.
    """

class TfliteConverterOutputs(TypedDict):
    converted_model: ModelOutput
    """`Format-Serving/model.tflite`, beside it `signature.json`, which says how
    to call it, and the SavedModel's `assets/`.
    """
    blessing: ModelBlessingOutput
    """`BLESSED` where the comparison keeps all limits, `NOT_BLESSED` otherwise."""
    report: HTMLOutput
    """A page with the verdict, the sizes and how the answers differ."""
    metrics: MetricsOutput
    """Sizes, differences and metrics of both models, for the UI to compare runs by."""

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

    Both answer the same examples; the TF Lite model runs in TF Lite's own interpreter, one row at a
    time as on devices. Connect `blessing` to the `model_blessing` of `pusher`: then a model that
    quantization has damaged is not pushed. Without `examples` nothing is compared or blessed.

    Args:
        model: The model, a SavedModel.
        examples: Rows to compare on, and to calibrate integers with. Transformed examples where the
            signature takes transformed features.
        model_blessing: The evaluator's verdict; a model that is not blessed is not converted.
        signature_name: The signature to convert. It takes dense tensors by name, not serialized
            examples, which TF Lite cannot parse.
        quantization: `none`; `dynamic_range`, weights of 8 bits; `float16`, weights of 16 bits;
            `int8`, weights and activations of 8 bits; `int16x8`, activations of 16 bits and weights
            of 8. The last two read `examples`.
        integer_io: With `int8` or `int16x8`: inputs and outputs are integers too, and an operation
            without an integer form is an error; otherwise it stays in floats.
        select_tf_ops: Allows operations that only TensorFlow's own kernels run, among them parsing
            examples. The device then needs the Flex delegate, and so does the comparison: that of
            TensorFlow 2.16 has it, that of 2.21 has not and blesses nothing.
        input_features: The feature of the examples that each input of the signature is, or a list
            of features to put one after the other; an input left out is the feature of its name.
        representative_split: The split that integers are calibrated with.
        num_representative_rows: How many of its rows, from the first.
        example_splits: Names of the splits to compare on; empty takes `eval`.
        num_check_rows: The most rows of each to compare, from the first; 0 takes all.
        max_relative_difference: How far answers may differ: root mean square of the differences of
            an output, divided by the standard deviation of the SavedModel's answers.
        min_agreement: Share of rows in which the largest value of an output with several is at the
            same place, and in which an output of integers or strings is the same.
        label_key: Feature with the label, a number; adds metrics of both models.
        prediction_key: The output that metrics are of; may be empty where the signature has one.
        max_metric_loss: How much worse a metric may become, by its name and in its unit, as
            `{"AUC": 0.005}`: `SparseCategoricalAccuracy`, `BinaryAccuracy`, `AUC`,
            `MeanSquaredError` or `MeanAbsoluteError`.

    Outputs:
        converted_model: `Format-Serving/model.tflite`, beside it `signature.json`, which says how
            to call it, and the SavedModel's `assets/`.
        blessing: `BLESSED` where the comparison keeps all limits, `NOT_BLESSED` otherwise.
        report: A page with the verdict, the sizes and how the answers differ.
        metrics: Sizes, differences and metrics of both models, for the UI to compare runs by.
    """

class TrainerOutputs(TypedDict):
    model: ModelOutput
    """What `run_fn` saved to `fn_args.serving_model_dir`."""
    model_run: ModelRunOutput
    """What `run_fn` saved to `fn_args.model_run_dir`, as TensorBoard logs."""

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
        statistics: Statistics of the examples; gives `run_fn` the number of rows per split.
        base_model: A model to start from.
        hyperparameters: The best hyperparameters of a tuning.
        module_file: Python file with `run_fn(fn_args)`.
        run_fn: The same function as a dotted path; excludes `module_file`.
        train_args: `{"splits": [...], "num_steps": ...}`, as tfx.proto.TrainArgs.
        eval_args: `{"splits": [...], "num_steps": ...}`, as tfx.proto.EvalArgs.
        train_steps: Training steps; 0 leaves the number to `train_args`, or to `run_fn`.
        eval_steps: Evaluation steps; 0 leaves the number to `eval_args`, or to `run_fn`.
        custom_config: Passed to `run_fn` as `fn_args.custom_config`.
        distribution: `auto`: `run_fn` makes its own strategy for several GPUs or machines, or uses
            `fn_args.strategy`. `mirrored` (the GPUs of one machine), `multi_worker` (several
            machines): it is called in the scope of one. `none`: it needs none.
        mixed_precision: `mixed_bfloat16` or `mixed_float16`: Keras' global policy for `run_fn`.
        xla: Let XLA compile what TensorFlow can group, as `tf.config.optimizer.set_jit`.

    Outputs:
        model: What `run_fn` saved to `fn_args.serving_model_dir`.
        model_run: What `run_fn` saved to `fn_args.model_run_dir`, as TensorBoard logs.
    """

class TransformOutputs(TypedDict):
    transform_graph: TransformGraphOutput
    """The transform, as training and serving load it."""
    transformed_examples: ExamplesOutput
    """The transformed rows; empty when `materialize` is false."""
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
    """Where the transformed rows contradict their schema."""

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

    Rows are tf.Examples or tf.SequenceExamples; transformed ones are tf.Examples. For
    tf.SequenceExamples, `inputs` has context features by name, and sequence features as ragged
    tensors of shape (rows, steps, values) with tfx_bsl's names, such as `##SEQUENCE##.price`; a
    `tensor_representation_group` in the schema sets others. A ragged output feature is written in
    the form that TensorFlow Transform's `transformed_feature_spec` reads: values as
    `price$ragged_values`, lengths as `price$row_lengths_1`. If an analyzer's result is NaN, the log
    has a warning with the affected features, because `tft.scale_to_0_1` then applies a sigmoid.

    Args:
        examples: Rows to analyze and transform.
        schema: Types of the raw features.
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

    Outputs:
        transform_graph: The transform, as training and serving load it.
        transformed_examples: The transformed rows; empty when `materialize` is false.
        updated_analyzer_cache: Accumulators that a later run may reuse.
        pre_transform_schema: Schema of the analyzed rows.
        pre_transform_stats: Statistics of the analyzed rows.
        post_transform_schema: Schema of the transformed rows.
        post_transform_stats: Statistics of the transformed rows.
        post_transform_anomalies: Where the transformed rows contradict their schema.
    """

class TunerOutputs(TypedDict):
    best_hyperparameters: HyperParametersOutput
    """Those of the best trial; a trainer reads them as `hyperparameters`."""
    tuner_results: TunerResultsOutput
    """Every completed trial with its score and its hyperparameters."""

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
        module_file: Python file with `tuner_fn(fn_args)`, which returns a TunerFnResult: a
            `tuner`, as keras_tuner.RandomSearch, and the `fit_kwargs` of its `search`.
        tuner_fn: The same function as a dotted path; excludes `module_file`.
        train_args: `{"splits": [...], "num_steps": ...}`, as tfx.proto.TrainArgs.
        eval_args: `{"splits": [...], "num_steps": ...}`, as tfx.proto.EvalArgs.
        tune_args: `{"num_parallel_trials": ...}`, as tfx.proto.TuneArgs.
        train_steps: Training steps of a trial; 0 leaves them to `train_args`, or to `tuner_fn`.
        eval_steps: Evaluation steps of a trial; 0 leaves them to `eval_args`, or to `tuner_fn`.
        num_parallel_trials: Trials that run at once, each in a process of its own on the task's
            machine; 0 leaves the number to `tune_args`, or is one after the other.
        custom_config: Passed to `tuner_fn` as `fn_args.custom_config`.
        mixed_precision: `mixed_bfloat16` or `mixed_float16`: Keras' global policy for all trials.
        xla: Let XLA compile what TensorFlow can group, as `tf.config.optimizer.set_jit`.

    Outputs:
        best_hyperparameters: Those of the best trial; a trainer reads them as `hyperparameters`.
        tuner_results: Every completed trial with its score and its hyperparameters.
    """

class VertexPusherOutputs(TypedDict):
    pushed_model: PushedModelOutput
    """A copy of what was pushed; empty where it was not. Its metadata has the
    resource name of the model as `pushed_destination`, the version's ID as
    `pushed_version`, and that of the endpoint as `endpoint`.
    """
    gcp_resources: PipelineParameterChannel
    """The model, and the endpoint if there is one, as JSON of the message
    `GcpResources` of google-cloud-pipeline-components.
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
        infra_blessing: The infra validator's verdict; likewise.
        project: ID of the Google Cloud project.
        region: Where the model is to be, as `europe-west1`.
        model_id: ID in the Model Registry. A model of this ID gets a new version; where there is
            none, it is made.
        display_name: The name that a new model has in the console; `model_id` by default.
        version_description: What the console says of this version.
        version_aliases: Names that are to point to this version, and to no other any more.
        is_default_version: Whether requests that name no version are to get this one.
        labels: Labels of the version, for search and billing.
        serving_container_image: Image that serves the model; by default Vertex AI's own for
            TensorFlow 2.15, for GPUs if there is an `accelerator_type`.
        serving_container: Other fields of the API's `ModelContainerSpec`, as
            `{"env": [{"name": ..., "value": ...}], "ports": [{"container_port": 8080}]}`.
        endpoint: ID of the endpoint to deploy to; it is made where there is none. Empty deploys
            nothing.
        endpoint_spec: Fields of the API's `Endpoint` for one that is made, as
            `{"private_service_connect_config": {"enable_private_service_connect": true}}`,
            `network` or `dedicated_endpoint_enabled`.
        machine_type: Machine of a replica.
        accelerator_type: Accelerator of a replica, as `NVIDIA_L4`.
        accelerator_count: How many accelerators a replica has.
        min_replica_count: Fewest replicas.
        max_replica_count: Most replicas.
        traffic_percentage: Share of the endpoint's requests that this version gets; the shares of
            the other versions shrink in proportion. 0 deploys it without requests.
        undeploy_idle_models: Whether to undeploy what no longer gets any requests.
        service_account: Account that the model's container runs as.
        encryption_key: Cloud KMS key for the model and for an endpoint that is made, as
            `projects/P/locations/R/keyRings/K/cryptoKeys/N`.
        timeout_seconds: How long to wait for Vertex AI in all.
        api_endpoint: Host of the API where it is not that of the region, as that of a Private
            Service Connect endpoint.

    Outputs:
        pushed_model: A copy of what was pushed; empty where it was not. Its metadata has the
            resource name of the model as `pushed_destination`, the version's ID as
            `pushed_version`, and that of the endpoint as `endpoint`.
        gcp_resources: The model, and the endpoint if there is one, as JSON of the message
            `GcpResources` of google-cloud-pipeline-components.
    """

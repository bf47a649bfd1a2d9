"""TFX's messages: their fields, types and numbers, by proto file. Data only.

A line declares a message or an enum. A field is `type name=number`, as in a proto file, `repeated`
before it for a list, and `@name` after it for the oneof that it is in. A type that is not a scalar
is looked up in the message, around it, and in the file; with a dot before it, it is a full name.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ProtoFile:
    """A proto file.

    Attributes:
        package: The package of its messages.
        messages: Its messages and enums, one a line.
        imports: The other files that it uses.
        syntax: `proto3` or `proto2`.
    """

    package: str
    messages: str
    imports: tuple[str, ...] = ()
    syntax: str = "proto3"


FILES: Mapping[str, ProtoFile] = {
    "bulk_inferrer": ProtoFile(
        package="tfx.components.bulkinferrer",
        messages="""
            ModelSpec: repeated string model_signature_name=2, repeated string tag=5
            DataSpec: repeated string example_splits=2
            OutputExampleSpec: repeated OutputColumnsSpec output_columns_spec=3
            OutputColumnsSpec: string signature_name=1,
              ClassifyOutput classify_output=2@output_type,
              RegressOutput regress_output=3@output_type, PredictOutput predict_output=4@output_type
            ClassifyOutput: string label_column=1, string score_column=2
            RegressOutput: string value_column=1
            PredictOutput: repeated PredictOutputCol output_columns=1
            PredictOutputCol: string output_key=1, string output_column=2
        """,
    ),
    "distribution_validator": ProtoFile(
        package="tfx.components.distribution_validator",
        messages="""
            FeatureComparator: .tensorflow.metadata.v0.Path path=1,
              .tensorflow.metadata.v0.FeatureComparator distribution_comparator=2
            DistributionValidatorConfig: DatasetConfig default_slice_config=1
            DistributionValidatorConfig.DatasetConfig: repeated FeatureComparator feature=1,
              .tensorflow.metadata.v0.NumericValueComparator num_examples_comparator=2
        """,
        imports=("metadata",),
    ),
    "evaluator": ProtoFile(
        package="tfx.components.evaluator",
        messages="""
            SingleSlicingSpec: repeated string column_for_slicing=1
            FeatureSlicingSpec: repeated SingleSlicingSpec specs=1
        """,
    ),
    "example_diff": ProtoFile(
        package="tfx.components.example_diff",
        messages="""
            PairedExampleSkew: repeated string identifier_features=1, uint32 skew_sample_size=2,
              repeated string ignore_features=3, uint32 float_round_ndigits=4,
              bool allow_duplicate_identifiers=5, repeated ConfusionConfig confusion_config=6
            PairedExampleSkew.ConfusionConfig: string feature_name=1
            ExampleDiffConfig: PairedExampleSkew paired_example_skew=1
        """,
    ),
    "example_gen": ProtoFile(
        package="tfx.components.example_gen",
        messages="""
            Input: repeated Split splits=1
            Input.Split: string name=1, string pattern=2
            CustomConfig: .google.protobuf.Any custom_config=1
            Output: SplitConfig split_config=3
            SplitConfig: repeated Split splits=1,
              string partition_feature_name=2@splitting_method_config
            SplitConfig.Split: string name=1, uint32 hash_buckets=2
            enum PayloadFormat: FORMAT_UNSPECIFIED=0, FORMAT_TF_EXAMPLE=6,
              FORMAT_TF_SEQUENCE_EXAMPLE=7, FORMAT_PROTO=11, FORMAT_PARQUET=15
            enum FileFormat: FILE_FORMAT_UNSPECIFIED=0, FORMAT_TFRECORDS_GZIP=5,
              FILE_FORMAT_PARQUET=16
        """,
        imports=("google/protobuf/any.proto",),
    ),
    "infra_validator": ProtoFile(
        package="tfx.components.infra_validator",
        messages="""
            ServingSpec: TensorFlowServing tensorflow_serving=1@serving_binary,
              LocalDockerConfig local_docker=2@serving_platform,
              KubernetesConfig kubernetes=3@serving_platform, string model_name=4
            TensorFlowServing: string image_name=3, repeated string tags=1,
              repeated string digests=2
            LocalDockerConfig: string client_base_url=1, string client_api_version=2,
              int32 client_timeout_seconds=3, string host_ip_address=4
            KubernetesConfig: string service_account_name=1, int32 active_deadline_seconds=2,
              PodOverrides serving_pod_overrides=3
            PodOverrides: map annotations=1, repeated EnvVar env=2, Resources resources=3
            EnvVar: string name=1, string value=2, EnvVarSource value_from=3
            EnvVarSource: SecretKeySelector secret_key_ref=4
            SecretKeySelector: string name=1, string key=2
            Resources: map requests=1, map limits=2, map claims=3
            ValidationSpec: int32 max_loading_time_seconds=1, int32 num_tries=2
            RequestSpec: TensorFlowServingRequestSpec tensorflow_serving=1@kind,
              string split_name=2, int32 num_examples=3, bool make_warmup=4
            TensorFlowServingRequestSpec: repeated string tag_set=1,
              repeated string signature_names=2
        """,
    ),
    "pusher": ProtoFile(
        package="tfx.components.pusher",
        messages="""
            PushDestination: Filesystem filesystem=3@destination
            PushDestination.Filesystem: string base_directory=1, Versioning versioning=6
            enum Versioning: AUTO=0, UNIX_TIMESTAMP=1
        """,
    ),
    "range_config": ProtoFile(
        package="tfx.configs",
        messages="""
            StaticRange: int32 start_span_number=1, int32 end_span_number=2
            RollingRange: int32 start_span_number=1, int32 num_spans=2
            RangeConfig: StaticRange static_range=1@range, RollingRange rolling_range=2@range
        """,
    ),
    "run_state": ProtoFile(
        package="tfx.orchestration",
        messages="""
            RunState: State state=1, StatusCodeValue status_code=3, string status_msg=2,
              int64 update_time=4
            RunState.StatusCodeValue: int32 value=1
            enum RunState.State: UNKNOWN=0, READY=1, RUNNING=2, COMPLETE=3, SKIPPED=4,
              SKIPPED_PARTIAL_RUN=8, STOPPED=6, FAILED=7
        """,
    ),
    "trainer": ProtoFile(
        package="tfx.components.trainer",
        messages="""
            TrainArgs: repeated string splits=1, int32 num_steps=2
            EvalArgs: repeated string splits=1, int32 num_steps=2
        """,
    ),
    "transform": ProtoFile(
        package="tfx.components.transform",
        messages="SplitsConfig: repeated string analyze=1, repeated string transform=2",
    ),
    "tuner": ProtoFile(
        package="tfx.components.tuner",
        messages="TuneArgs: int32 num_parallel_trials=1",
    ),
    # TensorFlow Metadata's messages that the distribution validator uses, so that its config can be
    # written on a machine without that library.
    "metadata": ProtoFile(
        package="tensorflow.metadata.v0",
        messages="""
            Path: repeated string step=1
            FeatureComparator: InfinityNorm infinity_norm=1,
              JensenShannonDivergence jensen_shannon_divergence=2,
              NormalizedAbsoluteDifference normalized_abs_difference=3
            InfinityNorm: double threshold=1
            JensenShannonDivergence: double threshold=1, HistogramSelection source=2
            NormalizedAbsoluteDifference: double threshold=1
            HistogramSelection: Type type=1
            enum HistogramSelection.Type: DEFAULT=0, QUANTILES=1, STANDARD=2
            NumericValueComparator: double min_fraction_threshold=1,
              double max_fraction_threshold=2
        """,
        syntax="proto2",
    ),
}
"""The files by their names without `_pb2`."""

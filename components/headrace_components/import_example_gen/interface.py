"""What ImportExampleGen looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Examples
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def import_example_gen(
    examples: dsl.Output[Examples],
    input_base: str,
    input_config: dict = {},
    output_config: dict = {},
    range_config: dict = {},
    span: int = -1,
    payload_format: str = "FORMAT_TF_EXAMPLE",
    compression_level: int = 1,
    columnar: bool = True,
    beam_pipeline_args: list = [],
) -> dsl.ContainerSpec:
    """Imports files of serialized examples and splits them.

    tf.Examples under a directory a day, of which the latest is read and divided 2:1:

        import_example_gen(
            input_base="gs://bucket/rides",
            input_config={"splits": [{"name": "all", "pattern": "{YYYY}-{MM}-{DD}/*.tfrecord.gz"}]},
        )

    Sequence examples that somebody has divided already:

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
        examples: The records as they are, in gzip TFRecords, or in Parquet files for
            `FORMAT_PARQUET`.
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
        payload_format: What a record is: `FORMAT_TF_EXAMPLE`, `FORMAT_TF_SEQUENCE_EXAMPLE` or
            `FORMAT_PROTO` in TFRecord files, gzip or not, or `FORMAT_PARQUET` for the rows of
            Parquet files.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster; only
            tf.Examples have one.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.
    """
    return dsl.ContainerSpec(
        image=image("import_example_gen"),
        command=["python", "-m", "headrace_components.import_example_gen"],
        args=["--executor_input", "{{$}}"],
    )

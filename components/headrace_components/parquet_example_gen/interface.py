"""What ParquetExampleGen looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Examples
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def parquet_example_gen(
    examples: dsl.Output[Examples],
    input_base: str,
    input_config: dict = {},
    output_config: dict = {},
    range_config: dict = {},
    span: int = -1,
    compression_level: int = 1,
    columnar: bool = True,
    beam_pipeline_args: list = [],
) -> dsl.ContainerSpec:
    """Reads Parquet files into tf.Examples and splits them.

    Whole numbers and truth values become int64, numbers float32, text and bytes bytes; dates and
    times become text as ISO 8601 has it; a list keeps its values. 0, False and the empty text are
    values, which TFX takes for missing. The files of the latest day, divided by customer:

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
        examples: The rows, as gzip TFRecords of tf.Example, with a columnar twin.
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
    """
    return dsl.ContainerSpec(
        image=image("parquet_example_gen"),
        command=["python", "-m", "headrace_components.parquet_example_gen"],
        args=["--executor_input", "{{$}}"],
    )

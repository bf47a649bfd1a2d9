"""What QueryExampleGen looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Examples
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def query_example_gen(
    examples: dsl.Output[Examples],
    url: str,
    query: str = "",
    input_config: dict = {},
    output_config: dict = {},
    range_config: dict = {},
    span: int = -1,
    compression_level: int = 1,
    columnar: bool = True,
    beam_pipeline_args: list = [],
) -> dsl.ContainerSpec:
    """Reads the rows of an SQL query into tf.Examples and splits them.

    Any database that SQLAlchemy has a dialect for; the image carries the drivers of SQLite and
    PostgreSQL. Whole numbers and truth values become int64, numbers float32, text and bytes bytes;
    dates and times become text as ISO 8601 has it; NULL is a missing value. One day of rides, with
    the password from the task's environment:

        query_example_gen(
            url="postgresql://reader:${RIDES_PASSWORD}@db.example/rides",
            query="SELECT fare, company FROM rides WHERE started >= to_timestamp("
            "@span_begin_timestamp) AND started < to_timestamp(@span_end_timestamp)",
            span=19723,
        )

    The task is never answered from the local cache, since only the query tells what a database
    holds. Rows are written in the order in which the database gives them: with an ORDER BY, the
    same rows give the same bytes.

    Args:
        examples: The rows, as gzip TFRecords of tf.Example, with a columnar twin.
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
    """
    return dsl.ContainerSpec(
        image=image("query_example_gen"),
        command=["python", "-m", "headrace_components.query_example_gen"],
        args=["--executor_input", "{{$}}"],
    )

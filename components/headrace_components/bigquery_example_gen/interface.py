"""What BigqueryExampleGen looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Examples
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def bigquery_example_gen(
    examples: dsl.Output[Examples],
    query: str = "",
    input_config: dict = {},
    output_config: dict = {},
    range_config: dict = {},
    span: int = -1,
    project: str = "",
    location: str = "",
    labels: dict = {},
    maximum_bytes_billed: int = 0,
    use_storage_api: bool = True,
    compression_level: int = 1,
    columnar: bool = True,
    beam_pipeline_args: list = [],
) -> dsl.ContainerSpec:
    """Reads the rows of a BigQuery query into tf.Examples and splits them.

    INTEGER and BOOLEAN become int64; FLOAT, NUMERIC and BIGNUMERIC float32; STRING, BYTES, JSON
    and GEOGRAPHY bytes; dates and times text as ISO 8601 has it; a repeated column keeps its
    values, NULL is a missing value. Of a STRUCT, select the fields by name. One day of rides:

        bigquery_example_gen(
            project="my-project",
            query="SELECT fare, company FROM rides.all WHERE started >= TIMESTAMP_SECONDS("
            "@span_begin_timestamp) AND started < TIMESTAMP_SECONDS(@span_end_timestamp)",
            span=19723,
            maximum_bytes_billed=10**11,
        )

    A query is checked before it runs: one that is no SELECT, or returns what tf.Examples cannot
    hold, is refused at no cost. The task's account needs the roles BigQuery Job User and, for the
    Storage Read API, BigQuery Read Session User on `project`, and BigQuery Data Viewer on the data.

    The task is never answered from the local cache, since only the query tells what BigQuery holds.
    Rows are written in the order in which BigQuery gives them: with an ORDER BY, the same rows give
    the same bytes.

    Args:
        examples: The rows, as gzip TFRecords of tf.Example, with a columnar twin.
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
        project: Project that runs and pays for the queries. Empty takes that of the environment,
            which on Vertex AI is a project of Google's: give it there.
        location: Region of the data, as `EU`. Empty lets BigQuery find it.
        labels: Labels of the query jobs, to find their cost by.
        maximum_bytes_billed: A query that would be billed for more bytes fails without cost; 0 sets
            no bound.
        use_storage_api: Whether to read results through the Storage Read API, many times as fast
            as the REST API, and billed by bytes read. Without permission the REST API is used.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        columnar: Whether to write the columnar twin, which later components read faster.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`: then
            a worker runs each query, and all divide and write its rows. None computes in this
            process, without Beam.
    """
    return dsl.ContainerSpec(
        image=image("bigquery_example_gen"),
        command=["python", "-m", "headrace_components.bigquery_example_gen"],
        args=["--executor_input", "{{$}}"],
    )

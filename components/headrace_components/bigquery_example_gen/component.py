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
"""

from headrace_components.bigquery_example_gen.params import BigqueryExampleGenParams
from headrace_components.contract.artifact_types import EXAMPLES
from headrace_components.contract.declaration import Component, Output
from headrace_components.contract.hooks import CacheHooks, unknown_before_the_run
from headrace_components.library.sources.hooks import QUERY_CHECKS

COMPONENT = Component(
    name="bigquery_example_gen",
    doc=__doc__,
    outputs={
        "examples": Output(
            EXAMPLES, "The rows as gzip TFRecords of tf.Example, with a columnar twin."
        ),
    },
    parameters=BigqueryExampleGenParams,
    execution_type="tfx.extensions.google_cloud_big_query.example_gen.component.BigQueryExampleGen",
    execution_base="PROCESS",
    # Only the query itself shows the data in BigQuery.
    cache=CacheHooks(external_state=unknown_before_the_run),
    checks=QUERY_CHECKS,
    footprint="reading",
)

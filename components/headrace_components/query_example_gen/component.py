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
"""

from headrace_components.contract.artifact_types import EXAMPLES
from headrace_components.contract.declaration import Component, Output
from headrace_components.contract.hooks import CacheHooks, unknown_before_the_run
from headrace_components.library.sources.hooks import QUERY_CHECKS
from headrace_components.query_example_gen.params import QueryExampleGenParams

COMPONENT = Component(
    name="query_example_gen",
    doc=__doc__,
    outputs={
        "examples": Output(
            EXAMPLES, "The rows as gzip TFRecords of tf.Example, with a columnar twin."
        ),
    },
    parameters=QueryExampleGenParams,
    execution_type="tfx.components.example_gen.component.QueryBasedExampleGen",
    execution_base="PROCESS",
    # Only the query itself shows the data in a database.
    cache=CacheHooks(external_state=unknown_before_the_run),
    checks=QUERY_CHECKS,
    read_paths=("url",),
    footprint="reading",
)

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False
"""A pipeline over a day of BigQuery, against a server on this machine."""

from pathlib import Path

import pytest
from kfp import dsl

import headrace
from headrace_components.catalog import bigquery_example_gen, statistics_gen
from headrace_components.library.data import statistics
from support.fakes.bigquery_server import Column, Result, bigquery_server

DAY = (
    "SELECT fare FROM rides.all WHERE started >= TIMESTAMP_SECONDS(@span_begin_timestamp) "
    "AND started < TIMESTAMP_SECONDS(@span_end_timestamp)"
)

pytestmark = pytest.mark.slow


@dsl.pipeline(name="rides")
def rides(span: int):
    day = bigquery_example_gen(
        project="my-project", query=DAY, span=span, maximum_bytes_billed=10**11
    )
    statistics_gen(examples=day.outputs["examples"])


def test_a_day_of_bigquery_becomes_statistics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fares = [index / 4 for index in range(100)]
    with bigquery_server() as server:
        query = DAY.replace("@span_begin_timestamp", "172800")
        query = query.replace("@span_end_timestamp", "259200")
        server.results[query] = Result(columns=[Column(name="fare", type="FLOAT", values=fares)])
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)

        result = headrace.run(rides, parameters={"span": 2}, root=tmp_path)

    assert result.state == "succeeded", result.failures
    (task,) = [task for task in result.tasks if task.name == "statistics-gen"]
    (artifact,) = task.artifacts["statistics"]
    assert artifact.metadata["span"] == 2
    counts = [
        statistics.read(Path(artifact.uri) / f"Split-{split}").datasets[0].num_examples
        for split in ("train", "eval")
    ]
    assert sum(counts) == 100

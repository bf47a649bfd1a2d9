"""Contract of bigquery_example_gen: types, both ways to read, spans, costs, what it refuses."""

import datetime
import decimal
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from headrace_components.library.data.examples import ExamplesReader
from support.cases import declared
from support.cases.example_sources import ONE, records_of, rows_of
from support.fakes.bigquery_server import Column, Refusal, Result, Server, bigquery_server
from support.launcher.entry_points import Launcher, Outcome, TaskFailedError

external_state = declared.cache("bigquery_example_gen").external_state

QUERY = "SELECT * FROM rides.all"
NUM_ROWS = 40


@pytest.fixture
def server() -> Iterator[Server]:
    with bigquery_server() as running:
        running.results[QUERY] = rides(NUM_ROWS)
        yield running


def rides(num_rows: int) -> Result:
    ids = range(num_rows)
    companies = [f"c{index % 3}" if index % 5 else None for index in ids]
    return Result(
        columns=[
            Column(name="id", type="INTEGER", values=list(ids)),
            Column(name="company", type="STRING", values=companies),
        ]
    )


def generate(launcher: Launcher, server: Server, query: str = QUERY, **parameters: Any) -> Outcome:
    values = {"query": query, "project": "p", **parameters}
    return launcher.run("bigquery_example_gen", values, server.environment)


def refused(
    launcher: Launcher, server: Server, match: str, query: str = QUERY, **parameters: Any
) -> None:
    with pytest.raises(TaskFailedError, match=f"bigquery_example_gen: {match}"):
        generate(launcher, server, query, **parameters)


UTC = datetime.UTC
EVERY_TYPE = [
    Column(name="big", type="BIGNUMERIC", values=[decimal.Decimal("0.25"), None]),
    Column(name="blob", type="BYTES", values=[b"\xff\x00", b""]),
    Column(name="day", type="DATE", values=[datetime.date(2024, 2, 29), None]),
    Column(name="fares", type="FLOAT", values=[[0.5, 1.5], []], mode="REPEATED"),
    Column(name="flag", type="BOOLEAN", values=[True, False]),
    Column(name="id", type="INTEGER", values=[-(2**63), None]),
    Column(name="local", type="DATETIME", values=[datetime.datetime(2024, 1, 2, 3, 4, 5), None]),
    Column(name="money", type="NUMERIC", values=[decimal.Decimal("12.5"), None]),
    Column(name="name", type="STRING", values=["", "\N{SNOWMAN}"]),
    Column(name="note", type="JSON", values=['{"a":1}', None]),
    Column(name="place", type="GEOGRAPHY", values=["POINT(1 2)", None]),
    Column(name="share", type="FLOAT", values=[0.0, None]),
    Column(name="tags", type="STRING", values=[["a", "b"], ["c"]], mode="REPEATED"),
    Column(name="time", type="TIME", values=[datetime.time(1, 2, 3), None]),
    Column(
        name="when",
        type="TIMESTAMP",
        values=[datetime.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC), None],
    ),
]
FEATURES = {
    "big": [[0.25], None],
    "blob": [[b"\xff\x00"], [b""]],
    "day": [[b"2024-02-29"], None],
    "fares": [[0.5, 1.5], None],
    "flag": [[1], [0]],
    "id": [[-(2**63)], None],
    "local": [[b"2024-01-02T03:04:05.000000"], None],
    "money": [[12.5], None],
    "name": [[b""], ["\N{SNOWMAN}".encode()]],
    "note": [[b'{"a":1}'], None],
    "place": [[b"POINT(1 2)"], None],
    "share": [[0.0], None],
    "tags": [[b"a", b"b"], [b"c"]],
    "time": [[b"01:02:03.000000"], None],
    "when": [[b"2024-01-02T03:04:05.000006Z"], None],
}


@pytest.mark.parametrize("use_storage_api", [True, False])
def test_every_type_becomes_a_feature_whichever_way_it_is_read(
    use_storage_api: bool, launcher: Launcher, server: Server
) -> None:
    # With one stream the order is kept.
    query = f"{QUERY} ORDER BY id"
    server.results[query] = Result(columns=EVERY_TYPE)
    server.rows_per_page = 1

    outcome = generate(launcher, server, query, output_config=ONE, use_storage_api=use_storage_api)

    assert rows_of(outcome["examples"]) == FEATURES
    assert (server.num_streams, server.num_pages > 1) == (use_storage_api, not use_storage_api)


VARIES = {"examples/*": "BigQuery keeps no order of rows unless a query says so."}


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    with bigquery_server() as server:
        server.results[QUERY] = rides(NUM_ROWS)
        outcome = generate(launcher, server)

    reader = ExamplesReader(outcome["examples"].path, "test")
    assert reader.num_rows("eval") + reader.num_rows("train") == NUM_ROWS
    assert reader.has_columnar("train")
    assert outcome["examples"].metadata == {
        "split_names": '["train", "eval"]',
        "span": 0,
        "payload_format": "FORMAT_TF_EXAMPLE",
        "file_format": "tfrecords_gzip",
    }
    return outcome


def test_a_query_is_planned_and_then_run_once_with_labels_and_a_bound(
    launcher: Launcher, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        generate(
            launcher,
            server,
            location="EU",
            labels={"team": "rides"},
            maximum_bytes_billed=10**12,
        )

    plan, run = server.jobs
    assert plan["dryRun"]
    assert not run.get("dryRun")
    assert server.queries == [QUERY]
    for job in (plan, run):
        assert job["labels"] == {"team": "rides"}
        assert job["query"]["maximumBytesBilled"] == str(10**12)
        assert job["query"]["useLegacySql"] is False
    assert "the query of input split 'single_split' processes 12,345 bytes" in caplog.text


def test_a_query_can_be_given_for_each_split(launcher: Launcher, server: Server) -> None:
    server.results["SELECT 1"] = rides(1)
    splits = [{"name": "train", "pattern": QUERY}, {"name": "test", "pattern": "SELECT 1"}]

    examples = generate(launcher, server, "", input_config={"splits": splits})["examples"]

    assert examples.metadata["split_names"] == '["train", "test"]'
    assert sorted(rows_of(examples, "train")["id"]) == [[number] for number in range(NUM_ROWS)]
    assert rows_of(examples, "test")["id"] == [[0]]


def test_a_span_takes_the_place_of_its_placeholders(launcher: Launcher, server: Server) -> None:
    query = "SELECT @span_begin_timestamp, @span_end_timestamp, @span_yyyymmdd_utc"
    server.results["SELECT 172800, 259200, '19700103'"] = rides(9)

    examples = generate(launcher, server, query, span=2)["examples"]

    assert examples.metadata["span"] == 2


def test_small_responses_are_joined(launcher: Launcher, server: Server) -> None:
    server.results[QUERY] = rides(25_000)
    server.rows_per_page = 500

    examples = generate(launcher, server, output_config=ONE)["examples"]

    ids = rows_of(examples)["id"]
    assert sorted(ids) == [[number] for number in range(25_000)]
    assert server.num_streams == 2


def test_on_beam_the_same_rows_are_written_and_the_same_refused(
    launcher: Launcher, server: Server
) -> None:
    query = f"{QUERY} ORDER BY id"
    server.results[query] = rides(NUM_ROWS)
    on_beam = {"beam_pipeline_args": ["--runner=DirectRunner"]}

    examples = generate(launcher, server, query, **on_beam)["examples"]

    alone = generate(launcher, server, query)["examples"]
    for split in ("train", "eval"):
        assert sorted(records_of(examples, split)) == sorted(records_of(alone, split))
    assert examples.metadata == alone.metadata
    refused(launcher, server, ".*names what BigQuery does not find", "SELECT gone", **on_beam)


def test_without_permission_for_the_storage_api_rows_come_by_rest(
    launcher: Launcher, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.storage_error = grpc.StatusCode.PERMISSION_DENIED

    with caplog.at_level(logging.WARNING):
        examples = generate(launcher, server, output_config=ONE)["examples"]

    assert rows_of(examples)["id"] == [[number] for number in range(NUM_ROWS)]
    assert "Permission 'bigquery.readsessions.create' denied. Grant the role" in caplog.text


def test_another_failure_of_the_storage_api_is_not_hidden(
    launcher: Launcher, server: Server
) -> None:
    server.storage_error = grpc.StatusCode.DATA_LOSS

    refused(launcher, server, "BigQuery did not run 'SELECT .*' to its end: .*Run again")


@pytest.mark.parametrize(
    ("status", "reason", "message", "told"),
    [
        (
            403,
            "accessDenied",
            "Access Denied: Project p: User does not have bigquery.jobs.create permission.",
            r"BigQuery does not let this task run 'SELECT \* FROM rides.all': Access Denied: .* "
            r"bigquery.jobs.create permission. Grant its account what is missing: roles/",
        ),
        (
            404,
            "notFound",
            "Not found: Dataset p:rides was not found in location US",
            r".*names what BigQuery does not find: Not found: Dataset p:rides .* or `location`",
        ),
        (
            400,
            "invalidQuery",
            "Syntax error: Unexpected identifier at [1:15]",
            r"BigQuery refuses 'SELECT .*': Syntax error: .* \[1:15\]. Correct the query",
        ),
        (
            400,
            "bytesBilledLimitExceeded",
            "Query exceeded limit for bytes billed: 10. 99 or higher required.",
            r".* is refused: Query exceeded limit .* or raise `maximum_bytes_billed`",
        ),
        (403, "quotaExceeded", "Quota exceeded: too many queries", "a quota of BigQuery is used"),
        (403, "billingNotEnabled", "Billing has not been enabled", "BigQuery does not bill"),
    ],
)
@pytest.mark.parametrize("is_planned_only", [False, True])
def test_a_refusal_of_bigquery_says_what_to_do(
    is_planned_only: bool,
    status: int,
    reason: str,
    message: str,
    told: str,
    launcher: Launcher,
    server: Server,
) -> None:
    error = Refusal(status=status, reason=reason, message=message)
    server.results[QUERY] = Result(error=error, is_planned_only=is_planned_only)

    refused(launcher, server, told)


def test_a_statement_that_changes_data_is_refused_before_it_runs(
    launcher: Launcher, server: Server
) -> None:
    server.results["DELETE FROM rides.all"] = Result(statement_type="DELETE")

    match = "'DELETE FROM rides.all' is a statement of the kind DELETE, expected a SELECT. It was"
    refused(launcher, server, match, "DELETE FROM rides.all")
    assert server.queries == []


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (
            Column(name="trip", type="RECORD", fields=[Column(name="fare", type="FLOAT")]),
            "column 'trip' is of type RECORD, expected numbers, .* Select its fields by name, for "
            "example `trip.fare`",
        ),
        (Column(name="pause", type="INTERVAL"), "column 'pause' is of type INTERVAL.* CAST it"),
    ],
)
def test_a_type_without_a_feature_is_refused_before_the_query_runs(
    column: Column, told: str, launcher: Launcher, server: Server
) -> None:
    server.results[QUERY] = Result(columns=[column])

    refused(launcher, server, told)
    assert server.queries == []


def test_a_result_without_rows_is_refused(launcher: Launcher, server: Server) -> None:
    server.results[QUERY] = rides(0)

    refused(launcher, server, "the query of input split 'single_split' returned no rows")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"query": ""}, "`query` is '' and `input_config`"),
        ({"maximum_bytes_billed": -1}, "`maximum_bytes_billed` is -1, expected a number of bytes"),
        ({"labels": {"cost": 7}}, "`labels` has 'cost': 7, expected strings"),
        ({"project": ""}, "`project` is empty, and the environment names no project"),
        ({"span": 3}, "span 3 is asked for, but the query has no placeholder"),
    ],
)
def test_parameters_that_no_run_could_honour_are_refused(
    parameters: dict[str, Any],
    told: str,
    launcher: Launcher,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)

    refused(launcher, server, told, **{"query": QUERY, **parameters})


def test_without_credentials_the_ways_to_give_them_are_named(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("BIGQUERY_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    environment = {"NO_GCE_CHECK": "true", "CLOUDSDK_CONFIG": str(tmp_path)}

    with pytest.raises(TaskFailedError, match=r"has no Google credentials .*gcloud auth appl"):
        launcher.run("bigquery_example_gen", {"query": QUERY, "project": "p"}, environment)


@pytest.mark.slow
def test_a_server_that_cannot_be_reached_is_named_after_some_tries(
    launcher: Launcher, server: Server
) -> None:
    server.environment["BIGQUERY_EMULATOR_HOST"] = "http://127.0.0.1:9"

    refused(launcher, server, "BigQuery did not answer 'SELECT .*: .*Connection refused.*run again")


def test_the_cache_never_answers_for_bigquery() -> None:
    assert external_state({"query": QUERY}, {}) is None

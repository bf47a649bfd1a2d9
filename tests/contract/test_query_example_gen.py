"""Contract of query_example_gen: rows of SQLite and PostgreSQL, spans, secrets, what it refuses."""

import contextlib
import os
import pwd
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from headrace_components.library.data.examples import ExamplesReader
from headrace_components.query_example_gen.params import QueryExampleGenParams
from support.cases import declared
from support.cases.example_sources import ONE, TWO, divided, records_of, rows_of
from support.launcher.entry_points import Launcher, Outcome, TaskFailedError
from support.programs.finding import program

external_state = declared.cache("query_example_gen").external_state

PASSWORD = "p@ss/w%rd: 7"
DAY = 86_400


@pytest.fixture
def database(tmp_path: Path) -> str:
    return rides(tmp_path / "rides.db")


def rides(path: Path) -> str:
    """Writes a database with a table; returns its URL."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE rides (id INTEGER, fare REAL, company TEXT, started INT)")
        rows = [
            (index, index / 4, f"c{index % 3}" if index % 5 else None, index * DAY // 10)
            for index in range(40)
        ]
        connection.executemany("INSERT INTO rides VALUES (?, ?, ?, ?)", rows)
    return f"sqlite:///{path}"


def generate(launcher: Launcher, url: str, query: str = "", **parameters: Any) -> Outcome:
    return launcher.run("query_example_gen", {"url": url, "query": query, **parameters})


def refused(launcher: Launcher, url: str, query: str, match: str, **parameters: Any) -> None:
    with pytest.raises(TaskFailedError, match=match):
        generate(launcher, url, query, **parameters)


def one(launcher: Launcher, url: str, query: str, **parameters: Any) -> dict[str, list[Any]]:
    return rows_of(generate(launcher, url, query, output_config=ONE, **parameters)["examples"])


def test_rows_of_sqlite_become_features(launcher: Launcher, database: str) -> None:
    query = "SELECT id, fare, company, x'ff00' AS raw, '' AS blank FROM rides WHERE id < 2"

    assert one(launcher, database, query) == {
        "blank": [[b""], [b""]],
        "company": [None, [b"c1"]],
        "fare": [[0.0], [0.25]],
        "id": [[0], [1]],
        "raw": [[b"\xff\x00"], [b"\xff\x00"]],
    }


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    outcome = generate(launcher, rides(tmp_path / "rides.db"), "SELECT * FROM rides")

    reader = ExamplesReader(outcome["examples"].path, "test")
    assert reader.num_rows("eval") + reader.num_rows("train") == 40
    assert reader.has_columnar("train")
    assert outcome["examples"].metadata == {
        "split_names": '["train", "eval"]',
        "span": 0,
        "payload_format": "FORMAT_TF_EXAMPLE",
        "file_format": "tfrecords_gzip",
    }
    return outcome


def test_a_feature_divides_the_rows(launcher: Launcher, database: str) -> None:
    config = divided(TWO, "company")
    query = "SELECT id, company FROM rides WHERE company IS NOT NULL"

    examples = generate(launcher, database, query, output_config=config)["examples"]

    companies = [
        {value for row in rows_of(examples, split)["company"] for value in row}
        for split in ("train", "eval")
    ]
    assert not companies[0] & companies[1]


def test_a_query_can_be_given_for_each_split(launcher: Launcher, database: str) -> None:
    splits = [
        {"name": "train", "pattern": "SELECT id FROM rides WHERE id < 3"},
        {"name": "test", "pattern": "SELECT id FROM rides WHERE id = 9"},
    ]

    examples = generate(launcher, database, input_config={"splits": splits})["examples"]

    assert examples.metadata["split_names"] == '["train", "test"]'
    assert rows_of(examples, "train") == {"id": [[0], [1], [2]]}
    assert rows_of(examples, "test") == {"id": [[9]]}


@pytest.mark.parametrize(
    "chosen",
    [
        {"span": 2},
        {"range_config": {"staticRange": {"startSpanNumber": 2, "endSpanNumber": 2}}},
    ],
)
def test_a_span_takes_the_place_of_its_placeholders(
    chosen: dict[str, Any], launcher: Launcher, database: str
) -> None:
    query = (
        "SELECT id, @span_yyyymmdd_utc AS day FROM rides "
        "WHERE started >= @span_begin_timestamp AND started < @span_end_timestamp"
    )

    examples = generate(launcher, database, query, output_config=ONE, **chosen)["examples"]

    assert rows_of(examples) == {
        "day": [[b"19700103"]] * 10,
        "id": [[number] for number in range(20, 30)],
    }
    assert examples.metadata["span"] == 2


def test_colons_and_percent_signs_are_sql_and_no_parameters(
    launcher: Launcher, database: str
) -> None:
    query = (
        "SELECT ':name' AS colon, '%s %(x)s' AS percent FROM rides WHERE company LIKE 'c%' LIMIT 1"
    )

    assert one(launcher, database, query) == {"colon": [[b":name"]], "percent": [[b"%s %(x)s"]]}


def test_the_cache_never_answers_for_a_database(database: str) -> None:
    assert external_state({"url": database, "query": "SELECT 1"}, {}) is None


def test_what_a_query_changes_is_undone(launcher: Launcher, database: str) -> None:
    refused(launcher, database, "DELETE FROM rides", r"returns no rows by its nature.* is undone")

    assert one(launcher, database, "SELECT count(*) AS n FROM rides") == {"n": [[40]]}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM ride", r"refuses 'SELECT \* FROM ride': no such table: ride. Correct"),
        ("SELEKT 1", r"refuses 'SELEKT 1': near \"SELEKT\": syntax error"),
        ("SELECT * FROM rides WHERE id < 0", r"query of input split 'single_split' returned no"),
        ("SELECT id, fare AS id FROM rides", r"has the columns \['id'\] twice.* rename it in the"),
        (
            "SELECT CASE id WHEN 7 THEN 'x' ELSE id END AS a FROM rides",
            r"column 'a' of rows 0 to 39 .* of the Python types \['int', 'str'\].* CAST or rename",
        ),
        (
            "SELECT 9e999 AS a UNION SELECT 'x'",
            r"column 'a' of rows 0 to 1 .*of the Python types \['float', 'str'\]",
        ),
    ],
)
def test_a_query_that_gives_no_examples_is_refused(
    query: str, message: str, launcher: Launcher, database: str
) -> None:
    refused(launcher, database, query, message)


def test_a_column_that_changes_its_type_later_is_refused(launcher: Launcher, database: str) -> None:
    query = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) "
        "SELECT CASE WHEN i < 10001 THEN i ELSE 'x' END AS a FROM n"
    )
    message = (
        r"column 'a' of rows 10000 to 19999 of input split 'single_split' holds text, before "
        r"\(in rows 0 to 9999 of input split 'single_split'\) it held whole numbers"
    )
    refused(launcher, database, query, message)


def test_a_file_that_is_not_there_is_named(launcher: Launcher, tmp_path: Path) -> None:
    refused(
        launcher, f"sqlite:///{tmp_path}/gone.db", "SELECT 1", r"database '.*gone.db', which is"
    )
    assert not (tmp_path / "gone.db").exists()


def test_a_file_that_is_no_database_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database " * 100, "utf-8")
    refused(launcher, f"sqlite:///{tmp_path}/text.db", "SELECT 1 FROM x", r"file is not a database")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("rides", r"`url` has no scheme, expected the URL of a database"),
        ("carrier+pigeon://x/y", r"knows no database 'carrier\+pigeon'"),
        ("mysql+mysqldb://x/y", r"needs the Python package 'MySQLdb', which the image lacks"),
        ("postgresql://host:port/y", r"'postgresql://host:port/y' is not the URL of a database"),
        ("${NO_SUCH_VARIABLE}", r"names the environment variables \['NO_SUCH_VARIABLE'\]"),
    ],
)
def test_a_url_that_opens_nothing_is_refused(url: str, message: str, launcher: Launcher) -> None:
    refused(launcher, url, "SELECT 1", message)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader:hunter2@host/rides",
        "postgresql://reader:hun/ter@2@host/rides",
        "postgresql://host/rides?user=reader&password=hunter2",
        "mssql://host/rides?access_token=hunter2",
    ],
)
def test_a_password_in_a_parameter_is_refused_and_not_repeated(
    url: str, launcher: Launcher, caplog: pytest.LogCaptureFixture
) -> None:
    refused(launcher, url, "SELECT 1", r"`url` holds a password, expected none")

    assert "hunter2" not in caplog.text
    assert "ter@2" not in caplog.text


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, r"`query` is '' and `input_config` \{\}, expected one of the two"),
        (
            {"query": "SELECT 1", "input_config": {"splits": [{"name": "a", "pattern": "x"}]}},
            r"expected one of the two",
        ),
        ({"query": "SELECT @span_begin_timestamp"}, r"placeholder for a span, but no span is"),
        ({"query": "SELECT 1", "span": 3}, r"span 3 is asked for, but the query has no"),
        (
            {
                "query": "SELECT @span_yyyymmdd_utc",
                "range_config": {"rollingRange": {"numSpans": 1}},
            },
            r"expected a static_range: which span of a database is the latest cannot be seen",
        ),
    ],
)
def test_a_query_or_span_that_says_nothing_clear_is_refused(
    parameters: dict[str, Any], message: str, launcher: Launcher, database: str
) -> None:
    with pytest.raises(TaskFailedError, match=message):
        launcher.run("query_example_gen", {"url": database, **parameters})


def test_the_placeholders_are_replaced_as_tfx_does() -> None:
    query = "@span_begin_timestamp @span_end_timestamp @span_yyyymmdd_utc"
    params = QueryExampleGenParams(url="sqlite:///x", query=query, span=17545)

    assert params.queries == {"single_split": "1515888000 1515974400 '20180114'"}


def test_a_database_that_cannot_be_reached_is_for_the_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READER_PASSWORD", PASSWORD)
    launcher = Launcher(root=tmp_path / "launcher")
    url = "postgresql://reader:${READER_PASSWORD}@127.0.0.1:1/rides"
    message = r"exit code 75\n.*could not connect to `url` '.*' *: .*Connection refused.* run again"
    refused(launcher, url, "SELECT 1", message)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """Starts a PostgreSQL server on a socket, and yields a URL without the password."""
    initdb, pg_ctl = (
        program(name, "no PostgreSQL server can be started") for name in ("initdb", "pg_ctl")
    )
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        directory = Path(name)
        password = directory / "password"
        password.write_text(PASSWORD, "utf-8")
        user = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = "nobody"
            for path in (directory, password):
                os.chown(path, pwd.getpwnam(user).pw_uid, -1)
        data = str(directory / "data")
        quick = f"-c listen_addresses='' -k {name} -c fsync=off -c max_connections=10"
        starts = [
            [initdb, "-D", data, "-U", "reader", "--auth=scram-sha-256", f"--pwfile={password}"],
            [pg_ctl, "-D", data, "-w", "-l", f"{name}/log", "-o", quick, "start"],
        ]
        for command in starts:
            subprocess.run(command, user=user, check=True, stdout=subprocess.DEVNULL, cwd=name)
        try:
            yield f"postgresql://reader:${{READER_PASSWORD}}@/postgres?host={name}"
        finally:
            stop = [pg_ctl, "-D", data, "-m", "immediate", "stop"]
            subprocess.run(stop, user=user, check=True, stdout=subprocess.DEVNULL, cwd=name)


@pytest.fixture
def server(postgres: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("READER_PASSWORD", PASSWORD)
    return postgres


def test_rows_of_postgresql_become_features(launcher: Launcher, server: str) -> None:
    query = """
        SELECT 7::smallint AS small, NULL::bigint AS big, false AS flag, 1.5::real AS real,
            2.25::numeric AS exact, 'é'::text AS words, '\\xff00'::bytea AS raw,
            ARRAY[1, 2] AS list, ARRAY['a', ''] AS texts, ARRAY[]::int[] AS none,
            '2013-01-31'::date AS day, '2013-01-31 12:00'::timestamp AS plain,
            '2013-01-31 12:00+02'::timestamptz AS zoned, '{"a": 1}'::jsonb::text AS json,
            '6ecd8c99-4036-403d-bf84-cf8400f67836'::uuid AS id, 'nan'::numeric AS nan
    """

    rows = one(launcher, server, query)

    assert repr(rows.pop("nan")) == "[[nan]]"
    assert rows == {
        "big": [None],
        "day": [[b"2013-01-31"]],
        "exact": [[2.25]],
        "flag": [[0]],
        "id": [[b"6ecd8c99-4036-403d-bf84-cf8400f67836"]],
        "json": [[b'{"a": 1}']],
        "list": [[1, 2]],
        "none": [None],
        "plain": [[b"2013-01-31T12:00:00.000000"]],
        "raw": [[b"\xff\x00"]],
        "real": [[1.5]],
        "small": [[7]],
        "texts": [[b"a", b""]],
        "words": [["é".encode()]],
        "zoned": [[b"2013-01-31T10:00:00.000000Z"]],
    }


def test_a_whole_url_can_come_from_the_environment(
    launcher: Launcher, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = quote(PASSWORD, safe="")
    monkeypatch.setenv("RIDES_URL", server.replace("${READER_PASSWORD}", encoded))

    query = "SELECT i FROM generate_series(1, 25000) AS i ORDER BY i"
    examples = generate(launcher, "${RIDES_URL}", query, output_config=ONE)["examples"]

    assert len(records_of(examples)) == 25_000


def test_a_wrong_password_is_for_the_operator_and_not_repeated(
    launcher: Launcher,
    server: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("READER_PASSWORD", "hunter2")
    with caplog.at_level("DEBUG"):
        refused(launcher, server, "SELECT 1", r"exit code 75\n.*password authentication failed")

    assert "hunter2" not in caplog.text


def test_a_secret_in_the_databases_own_words_is_blotted_out(
    launcher: Launcher, server: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        query = "SELECT (chr(112) || '@ss/w%rd: 7')::int"
        refused(launcher, server, query, r"integer: \"\*\*\*\"")

    assert PASSWORD not in caplog.text


def test_a_secret_in_the_query_of_a_url_is_blotted_out(
    launcher: Launcher, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.replace("reader:${READER_PASSWORD}@", "") + "&user=reader&password="
    monkeypatch.setenv("RIDES_URL", url + quote(PASSWORD, safe=""))

    query = "SELECT (chr(112) || '@ss/w%rd: 7')::int"
    refused(launcher, "${RIDES_URL}", query, r"integer: \"\*\*\*\"")


def test_a_lost_connection_is_for_the_operator(launcher: Launcher, server: str) -> None:
    query = "SELECT pg_terminate_backend(pg_backend_pid())"
    refused(launcher, server, query, r"exit code 75\n.*did not answer 'SELECT pg_terminate")


def test_a_column_of_json_is_named(launcher: Launcher, server: str) -> None:
    query = """SELECT '{"a": 1}'::jsonb AS a"""
    refused(launcher, server, query, r"column 'a' of rows 0 to 0 .* is of type struct.*CAST or")


@pytest.mark.slow
def test_memory_is_bounded_by_the_batch_and_not_by_the_result(server: str, tmp_path: Path) -> None:
    code = (
        "import json, resource, sys;"
        "from headrace_components.contract import task;"
        "from headrace_components.query_example_gen.executor import execute;"
        "url, query, output = sys.argv[1:];"
        "message = {'inputs': {'parameterValues': {'url': url, 'query': query}}, 'outputs': {"
        "'outputFile': output + '-out/output.json',"
        "'artifacts': {'examples': {'artifacts': [{'uri': output}]}}}};"
        "arguments = ['--executor_input', json.dumps(message)];"
        "code = task.main('query_example_gen', execute, arguments);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss);"
        "sys.exit(code)"
    )
    peaks = []
    for rows in (60_000, 300_000):
        query = f"SELECT i, repeat(md5(i::text), 10) AS t FROM generate_series(1, {rows}) AS i"
        command = [sys.executable, "-c", code, server, query, str(tmp_path / str(rows))]
        peaks.append(int(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))

    assert peaks[1] < 1.2 * peaks[0]


def test_the_component_runs_without_tensorflow_and_beam() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'apache_beam', 'kfp']));"
        "import headrace_components.query_example_gen.executor"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr

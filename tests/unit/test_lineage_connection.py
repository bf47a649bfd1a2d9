"""Opening a metadata store: URLs, locks, and damaged stores."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.lineage.local_store import connection
from headrace.lineage.local_store.connection import (
    MySql,
    connection_config,
    default_url,
    parse_url,
    without_password,
)
from headrace.lineage.local_store.reader import StoreLineage
from headrace.lineage.local_store.writer import LineageStore
from headrace_components.contract.errors import InputError, PlatformError


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("metadata.sqlite", "the scheme is ''"),
        ("postgres://u@h/d", "the scheme is 'postgres'"),
        ("sqlite://relative.db", "the path is not absolute"),
        ("sqlite:///relative.db", "the path is not absolute"),
        ("mysql://host/database", "user, host or database is missing"),
        ("mysql://user:secret@host", "user, host or database is missing"),
        ("mysql://user:secret@host:99999/d", "the port is not a number below 65536"),
        ("mysql://user@host/d?password=secret", "`\\?` and `#` stand for themselves"),
        ("mysql://user:sec[ret@host/d", "a bracket stands for itself as %5B"),
        ("mysql://user:sec?ret@host/d", "`\\?` and `#` stand for themselves"),
    ],
)
def test_a_url_of_another_form_is_refused_and_shown_without_its_password(
    url: str, reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        LineageStore(url)
    assert "Write it as sqlite:////absolute" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_mysql_url_becomes_a_connection_config() -> None:
    target = parse_url("mysql://ml:p%40ss%2Fword@db.example:3307/lineage")
    assert target == MySql(
        host="db.example", port=3307, database="lineage", user="ml", password="p@ss/word"
    )
    config = connection_config(target).mysql
    assert (config.host, config.port, config.database) == ("db.example", 3307, "lineage")
    assert (config.user, config.password) == ("ml", "p@ss/word")


def test_a_password_is_never_shown() -> None:
    assert without_password("mysql://ml:s@cret@h/d") == "mysql://ml:***@h/d"
    assert without_password("sqlite:////a/b@c") == "sqlite:////a/b@c"


def test_a_password_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_METADATA_PASSWORD", "p@ss/word")

    assert parse_url("mysql://ml@h/d").password == "p@ss/word"  # type: ignore[union-attr]
    assert parse_url("mysql://ml:own@h/d").password == "own"  # type: ignore[union-attr]


def test_a_root_may_have_any_name() -> None:
    root = Path("/tmp/50% of röot #1?")

    assert parse_url(default_url(root)) == root / "metadata.sqlite"


def kill_while_writing(database: Path) -> None:
    """Leaves the database like a process that is killed in the middle of a transaction."""
    code = (
        "import os, signal, sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "database.execute('pragma cache_size = 1')\n"  # so that it writes before the end
        "database.execute('begin immediate')\n"
        "for index in range(2000):\n"
        "    row = ('x' * 500 + str(index),)\n"
        "    database.execute('insert into Type (name, type_kind) values (?, 1)', row)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(database)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Path(f"{database}-journal").is_file()


def test_what_a_killed_writer_left_is_taken_back_by_who_reads(tmp_path: Path) -> None:
    store = LineageStore(default_url(tmp_path))
    store.begin_run("p", "r", {})
    reader = StoreLineage(default_url(tmp_path))
    kill_while_writing(tmp_path / "metadata.sqlite")

    assert [run.run_id for run in reader.runs()] == ["r"]
    kill_while_writing(tmp_path / "metadata.sqlite")
    assert [run.run_id for run in StoreLineage(default_url(tmp_path)).runs()] == ["r"]
    assert not (tmp_path / "metadata.sqlite-journal").exists()


def test_a_server_that_does_not_answer_is_the_platform_s_fault() -> None:
    with pytest.raises(PlatformError, match=r"mysql://u:\*\*\*@127.0.0.1:9/d.*server runs"):
        LineageStore("mysql://u:secret@127.0.0.1:9/d")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "metadata.sqlite").write_text("not a database " * 100, "utf-8")
    with pytest.raises(PlatformError, match=r"metadata\.sqlite.*is not a SQLite database"):
        LineageStore(default_url(tmp_path))


@pytest.mark.parametrize(
    ("version", "advice"), [(99, "A newer ml-metadata wrote it"), (6, "An older ml-metadata")]
)
def test_a_database_of_another_schema_version_is_left_alone(
    tmp_path: Path, version: int, advice: str
) -> None:
    LineageStore(default_url(tmp_path))
    database = sqlite3.connect(tmp_path / "metadata.sqlite")
    database.execute("update MLMDEnv set schema_version = ?", (version,))
    database.commit()
    database.close()

    with pytest.raises(PlatformError, match=advice):
        LineageStore(default_url(tmp_path))


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(PlatformError, match=r"could not create the directory .*file/root"):
        LineageStore(default_url(tmp_path / "file/root"))


def test_a_lock_that_is_never_released_ends_in_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LineageStore(default_url(tmp_path))
    monkeypatch.setattr(connection, "_LOCK_TIMEOUT_SECONDS", 0.05)
    code = (
        "import fcntl, sys, time\n"
        f"lock = open({str(tmp_path / 'metadata.sqlite.lock')!r})\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        if holder.stdout is not None:
            holder.stdout.readline()
        with pytest.raises(PlatformError, match=r"another process has held .*\.lock"):
            store.begin_run("p", "r", {})
        holder.kill()
    store.begin_run("p", "r", {})


def test_reading_a_root_without_runs_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no metadata store at .*metadata\.sqlite.*--root"):
        StoreLineage(default_url(tmp_path))
    assert list(tmp_path.iterdir()) == []

"""Connects to an ML Metadata store, one transaction of one process at a time."""

import contextlib
import fcntl
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from headrace.extras import require
from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.contract.patience import patiently, until
from headrace_components.contract.texts import one_line

DATABASE_NAME = "metadata.sqlite"
PASSWORD_VARIABLE = "HEADRACE_METADATA_PASSWORD"
"""The variable with the password of a server, if its URL has none."""

_LOCK_TIMEOUT_SECONDS = 120.0
_CREATION_TIMEOUT_SECONDS = 30.0
_BEING_CREATED = "concurrent connection to the empty database"
_MYSQL_PORT = 3306

_QUERY = re.compile(r" query: (?:SELECT|INSERT|UPDATE|DELETE|CREATE|BEGIN|COMMIT)\b.*")
_FORMS = "sqlite:////absolute/metadata.sqlite or mysql://user:password@host:3306/database"


def default_url(root: Path) -> str:
    """Returns the URL of the default store for runs under `root`."""
    path = str((root / DATABASE_NAME).absolute())
    for mark in "%?#":  # these alone mean something in a URL of this form
        path = path.replace(mark, f"%{ord(mark):02X}")
    return f"sqlite:///{path}"


@dataclass(frozen=True, kw_only=True, slots=True)
class MySql:
    """The MySQL or MariaDB server that stores the lineage."""

    host: str
    port: int
    database: str
    user: str
    password: str


def parse_url(url: str) -> Path | MySql:
    """Returns the SQLite file or the MySQL database that `url` names.

    Raises:
        InputError: The URL has neither of the two forms.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _bad_url(url, "a bracket stands for itself as %5B or %5D") from error
    if parts.query or parts.fragment:
        raise _bad_url(url, "`?` and `#` stand for themselves as %3F and %23")
    if parts.scheme == "sqlite":
        # Four slashes: an absolute path after an empty host, as in SQLAlchemy.
        path = Path(unquote(parts.path[1:]))
        if parts.netloc or not path.is_absolute():
            raise _bad_url(url, "the path is not absolute")
        return path
    if parts.scheme != "mysql":
        raise _bad_url(url, f"the scheme is {parts.scheme!r}")
    try:
        port = parts.port or _MYSQL_PORT
    except ValueError as error:
        raise _bad_url(url, "the port is not a number below 65536") from error
    database = unquote(parts.path.strip("/"))
    if not (parts.hostname and parts.username and database) or "/" in database:
        raise _bad_url(url, "user, host or database is missing")
    return MySql(
        host=parts.hostname,
        port=port,
        database=database,
        user=unquote(parts.username),
        password=unquote(parts.password or "") or os.environ.get(PASSWORD_VARIABLE, ""),
    )


def _bad_url(url: str, reason: str) -> InputError:
    return InputError(
        f"lineage: the metadata URL is {without_password(url)!r}: {reason}. Write it as {_FORMS}."
    )


def without_password(url: str) -> str:
    """Returns `url` in a form that may be shown and logged."""
    place, mark, query = url.partition("?")
    if mark and "@" not in query:  # a query may also contain a password
        return f"{without_password(place)}?***"
    prefix, at, rest = url.rpartition("@")
    scheme, separator, user = prefix.partition("://")
    if not at or ":" not in user:
        return url
    return f"{scheme}{separator}{user.partition(':')[0]}:***@{rest}"


class Connection:
    """An open ML Metadata store.

    In SQLite a second writer may fail although it could have waited, and ML Metadata mistakes a
    store that is just being created for a broken one. So every transaction keeps a lock on
    `<database>.lock`: exclusive to write, shared to read. The lock is released when a process dies.
    A server orders its transactions itself.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        """Opens the store, and creates it if it does not exist.

        Args:
            url: `sqlite:////absolute/file` or `mysql://user:password@host:port/database`.
            read_only: Opens nothing but an existing SQLite file, and never writes to it.

        Raises:
            InputError: The URL has another form, the file does not exist with `read_only`, or ML
                Metadata is not installed.
            PlatformError: The store cannot be opened, or is of another schema version.
        """
        check_installed("lineage")
        self.url = without_password(url)
        self._target = parse_url(url)
        if isinstance(self._target, Path):
            if read_only and not self._target.is_file():
                raise InputError(
                    f"lineage: there is no metadata store at {self._target}. Name the root of "
                    "earlier runs with --root, or run a pipeline first."
                )
            if not read_only:
                _make_parent(self._target)
        self._read_only = read_only
        with self._locked(exclusive=not read_only):
            self._store: Any = self._open()

    def _open(self) -> Any:
        # Imported late: it takes 0.3 s, which compiling and `--help` need not pay.
        from ml_metadata import MetadataStore, errors

        config = connection_config(self._target, read_only=self._read_only)
        return patiently(
            lambda: MetadataStore(config),
            errors=(RuntimeError, errors.StatusError),
            waits=until(time.monotonic() + _CREATION_TIMEOUT_SECONDS, repeat(0.2)),
            # On a server another process may just be creating the tables.
            passes=lambda error: _BEING_CREATED in str(error),
            explained=lambda error: self._cannot_open(str(error)),
        )

    @contextmanager
    def transaction(self, *, exclusive: bool = True) -> Iterator[Any]:
        """Lends the `ml_metadata.MetadataStore`, under the lock.

        Args:
            exclusive: False if nothing is written.

        Raises:
            PlatformError: The store could not be read or written.
        """
        from ml_metadata import errors

        with self._locked(exclusive=exclusive):
            if self._store is None:
                self._store = self._open()
            try:
                yield self._store
            except errors.StatusError as error:
                # After a failure, for example on a full disk, the transaction would stay open
                # forever.
                self._store = None
                raise PlatformError(
                    f"lineage: the metadata store {self.url} answered {type(error).__name__}: "
                    f"{_without_query(error)}. Check that no other program holds the database, "
                    "that its disk has room and that it may be written, then run again."
                ) from error

    @contextmanager
    def _locked(self, *, exclusive: bool) -> Iterator[None]:
        if not isinstance(self._target, Path):
            yield
            return
        descriptor = _open_lock(self._target, must_exist=exclusive)
        if descriptor is None:
            yield
            return
        try:
            _acquire(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, self._target)
            if not exclusive and _journal(self._target).exists():
                _acquire(descriptor, fcntl.LOCK_EX, self._target)
                self._roll_back(self._target)
                _acquire(descriptor, fcntl.LOCK_SH, self._target)
            yield
        finally:
            os.close(descriptor)

    def _roll_back(self, database: Path) -> None:
        """Reverts a partial transaction of a process that was killed.

        Whoever opens the database to write does so by the way; to read it, that is not allowed.
        """
        try:
            with contextlib.closing(sqlite3.connect(database)) as connection:
                connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            raise PlatformError(
                f"lineage: a process was killed while it wrote the metadata store {self.url}, and "
                f"what it wrote could not be taken back: {_without_query(error)}. Let somebody who "
                "may write there read it once, with `headrace lineage runs`."
            ) from error

    def _cannot_open(self, reason: str) -> PlatformError:
        if "greater than library version" in reason:
            advice = (
                "A newer ml-metadata wrote it. Install that version, or choose another --metadata."
            )
        elif "older than library version" in reason:
            advice = (
                "An older ml-metadata wrote it. Upgrade a copy of it with "
                "ml_metadata.MetadataStore(config, enable_upgrade_migration=True), or choose "
                "another --metadata."
            )
        elif "not a database" in reason:
            advice = (
                "The file is not a SQLite database. Move it away, or choose another --metadata."
            )
        elif "mysql" in reason.lower():
            advice = (
                "Check that the server runs, and the host, port, user and password of the URL. "
                "The user needs the authentication plugin mysql_native_password."
            )
        else:
            advice = (
                "Check that the file and its directory may be read and written, that the disk has "
                "room and that no other program holds the database."
            )
        return PlatformError(
            f"lineage: could not open the metadata store {self.url}: "
            f"{_without_query(reason)}. {advice}"
        )


def check_installed(who: str) -> None:
    """Raises InputError if the library of lineage is not installed; `who` is the caller."""
    require("ml_metadata", extra="embedded", who=who, purpose="runs on this machine")


def connection_config(target: Path | MySql, *, read_only: bool = False) -> Any:
    """Returns the `metadata_store_pb2.ConnectionConfig` for `target`."""
    from ml_metadata.proto import metadata_store_pb2

    config = metadata_store_pb2.ConnectionConfig()
    if isinstance(target, Path):
        modes = metadata_store_pb2.SqliteMetadataSourceConfig
        config.sqlite.filename_uri = str(target)
        config.sqlite.connection_mode = modes.READONLY if read_only else modes.READWRITE_OPENCREATE
        return config
    config.mysql.host = target.host
    config.mysql.port = target.port
    config.mysql.database = target.database
    config.mysql.user = target.user
    config.mysql.password = target.password
    return config


def _journal(database: Path) -> Path:
    """Returns the file in which SQLite keeps replaced data during a transaction."""
    return database.with_name(f"{database.name}-journal")


def _make_parent(database: Path) -> None:
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlatformError(
            f"lineage: could not create the directory {database.parent} of the metadata store: "
            f"{error.strerror}. Choose another --root or --metadata."
        ) from error


def _open_lock(database: Path, *, must_exist: bool) -> int | None:
    path = f"{database}.lock"
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if must_exist:
            raise PlatformError(
                f"lineage: could not open the lock file {path}: {error.strerror}. The directory of "
                "the metadata store must be writable: choose another --root or --metadata."
            ) from error
    # A store in a directory that may only be read: a shared lock needs no more than reading.
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC) if Path(path).exists() else None


def _acquire(descriptor: int, kind: int, database: Path) -> None:
    patiently(
        lambda: fcntl.flock(descriptor, kind | fcntl.LOCK_NB),
        errors=BlockingIOError,
        waits=until(time.monotonic() + _LOCK_TIMEOUT_SECONDS, repeat(0.002)),
        explained=lambda _: PlatformError(
            f"lineage: another process has held {database}.lock for {_LOCK_TIMEOUT_SECONDS:.0f} "
            "seconds, where a transaction takes milliseconds. Find it with `fuser` and stop it, "
            "then run again."
        ),
    )


def _without_query(text: object) -> str:
    return one_line(_QUERY.sub("", one_line(text)), 300)

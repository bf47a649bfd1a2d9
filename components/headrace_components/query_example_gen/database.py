"""Reads a database batch by batch, and keeps its password out of messages."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from headrace_components.contract.errors import ComponentError, InputError, PlatformError

_ROWS_PER_BATCH = 10_000
_CONNECT_SECONDS = 30
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SECRET_NAME = re.compile("password|secret|token", re.IGNORECASE)
_LONGEST_QUERY = 200

# SQLite reports these as OperationalError, the same as a misspelled table, but another run may
# succeed.
_SQLITE_TROUBLE = ("locked", "disk I/O", "unable to open", "disk is full")

_Columns = tuple[list[str], list[tuple[Any, ...]]]


class Database:
    """An open database.

    Args:
        connection: The connection to it.
        secrets: Texts that must not be printed.
    """

    def __init__(self, connection: sa.Connection, secrets: Sequence[str]) -> None:
        self._connection = connection
        self._secrets = secrets

    def batches(self, query: str) -> Iterator[_Columns]:
        """Yields names and values of the columns, some thousand rows at a time.

        Raises:
            InputError: The database refuses the query, or the query is of a kind that returns no
                rows.
            PlatformError: The connection was lost, or the database has a problem.
        """
        try:
            # The driver gets the unchanged text, in which `:name` and `%` are SQL and not
            # parameters. Batches come from a cursor in the server, if the driver has such cursors.
            result = self._connection.execution_options(
                no_parameters=True, stream_results=True, max_row_buffer=_ROWS_PER_BATCH
            ).exec_driver_sql(query)
            if not result.returns_rows:
                raise InputError(
                    f"{_shortened(query)} returns no rows by its nature, expected a "
                    "SELECT. What it changed is undone. Give a query."
                )
            names = list(result.keys())
            for rows in result.partitions(_ROWS_PER_BATCH):
                yield names, list(zip(*rows, strict=True))
        except sa.exc.DBAPIError as error:
            # Leave out the cause, because its text may contain the password.
            raise self._failure(query, error) from None

    def _failure(self, query: str, error: sa.exc.DBAPIError) -> ComponentError:
        reason = _cleaned(error, self._secrets)
        if self._is_trouble(error, reason):
            return PlatformError(
                f"the database did not answer {_shortened(query)} to its end: "
                f"{reason}. Check the database, then run again; nothing half-written was kept."
            )
        return InputError(f"the database refuses {_shortened(query)}: {reason}. Correct the query.")

    def _is_trouble(self, error: sa.exc.DBAPIError, reason: str) -> bool:
        if self._connection.dialect.name == "sqlite":
            return any(sign in reason for sign in _SQLITE_TROUBLE)
        troubles = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError)
        return error.connection_invalidated or isinstance(error, troubles)


@contextmanager
def open_database(url: str) -> Iterator[Database]:
    """Opens a database; changes by a query are undone at the end.

    Args:
        url: A URL for SQLAlchemy, with `${NAME}` for environment variables.

    Raises:
        InputError: The URL is not valid, or its file, its driver or a variable is missing.
        PlatformError: The database cannot be reached, or does not let this task in.
    """
    expanded, secrets = _expanded(url)
    engine = _engine(url, expanded)
    secrets = [*secrets, *_secrets_of(engine.url)]
    try:
        connection = engine.connect()
    except sa.exc.DBAPIError as error:
        raise PlatformError(
            f"could not connect to {_shown(url)}: {_cleaned(error, secrets)}. Check "
            "that the database runs, that the task may reach it, and its user and password; then "
            "run again."
        ) from None
    with connection:
        yield Database(connection, secrets)


def _expanded(url: str) -> tuple[str, list[str]]:
    """Returns the URL with the values of its variables, and these values."""
    names = _VARIABLE.findall(url)
    missing = sorted(name for name in names if not os.environ.get(name))
    if missing:
        raise InputError(
            f"`url` names the environment variables {missing}, which the task does "
            "not have. Set them where the task runs, as from a Kubernetes secret."
        )
    values = {name: os.environ[name] for name in names}
    if _VARIABLE.fullmatch(url):
        return values[names[0]], list(values.values())
    encoded = {name: quote(value, safe="") for name, value in values.items()}
    expanded = _VARIABLE.sub(lambda match: encoded[match[1]], url)
    return expanded, [*values.values(), *encoded.values()]


def _engine(url: str, expanded: str) -> sa.Engine:
    try:
        parsed = sa.make_url(expanded)
        if parsed.drivername in ("postgres", "postgresql"):
            # With SQLAlchemy's default, psycopg2, a cursor in the server is harder to get.
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "sqlite":
            _check_file(parsed)
        is_psycopg = parsed.drivername == "postgresql+psycopg"
        limits = {"connect_timeout": _CONNECT_SECONDS} if is_psycopg else {}
        return sa.create_engine(parsed, poolclass=sa.NullPool, connect_args=limits)
    except sa.exc.NoSuchModuleError:
        raise InputError(
            f"SQLAlchemy knows no database {parsed.drivername!r}, but {_shown(url)} "
            "begins with it. Correct it, or build an image that has the dialect."
        ) from None
    except ModuleNotFoundError as error:
        raise InputError(
            f"{_shown(url)} needs the Python package {error.name!r}, which the image "
            "lacks. Name a driver that it has, for example 'postgresql+psycopg', or build an image "
            "with it."
        ) from None
    except (sa.exc.ArgumentError, ValueError):
        raise InputError(
            f"{_shown(url)} is not the URL of a database, expected one such as "
            "'postgresql://reader:${PASSWORD}@host:5432/rides'. Correct it."
        ) from None


def _secrets_of(url: sa.URL) -> list[str]:
    """Returns the passwords of a URL; drivers also accept them in its query."""
    in_query = [
        value
        for name, values in url.normalized_query.items()
        if _SECRET_NAME.search(name)
        for value in values
    ]
    return [secret for secret in (url.password, *in_query) if secret]


def _check_file(url: sa.URL) -> None:
    # For a misspelled name, SQLite would make an empty database.
    name = url.database or ""
    if not name.startswith("file:") and not Path(name).is_file():
        raise InputError(
            f"`url` names the SQLite database {name!r}, which is not a file"
            f"{'' if Path(name).is_absolute() else f' in {Path.cwd()}'}. Give the path of an "
            "existing one, with four slashes where it is absolute, for example "
            "'sqlite:////data/rides.db'."
        )


def _shown(url: str) -> str:
    """Returns a name of the database: the unchanged parameter, which contains no secret."""
    return f"`url` {url!r}"


def _shortened(query: str) -> str:
    text = " ".join(query.split())
    return repr(text if len(text) <= _LONGEST_QUERY else f"{text[:_LONGEST_QUERY]}...")


def _cleaned(error: sa.exc.DBAPIError, secrets: Sequence[str]) -> str:
    """Returns the driver's reason on one line, without passwords."""
    text = " ".join(str(error.orig).split())
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text.rstrip(".")

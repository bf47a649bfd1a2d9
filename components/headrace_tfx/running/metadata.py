"""TFX's `metadata`: the database with the lineage of a pipeline's runs, for notebooks and scripts.

The store of local runs has TFX's types and names, so code that reads TFX's store reads it as well.
ML Metadata is imported when a configuration is made, and not with this module.
"""

import os
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from ml_metadata import MetadataStore
    from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig

_ATTEMPTS = 10
_PAUSE_SECONDS = 0.5


def sqlite_metadata_connection_config(metadata_db_uri: str) -> "ConnectionConfig":
    """Returns the configuration of a store in a SQLite file, and makes the directory of the file.

    Args:
        metadata_db_uri: Path of the file, which need not exist.
    """
    pb = _messages("sqlite_metadata_connection_config")
    directory = os.path.dirname(metadata_db_uri)  # noqa: PTH120  it may be the URI of SQLite
    if directory and "://" not in metadata_db_uri:
        os.makedirs(directory, exist_ok=True)  # noqa: PTH103
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = metadata_db_uri
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return config


def mysql_metadata_connection_config(
    host: str, port: int, database: str, username: str, password: str
) -> "ConnectionConfig":
    """Returns the configuration of a store on a MySQL server."""
    pb = _messages("mysql_metadata_connection_config")
    return pb.ConnectionConfig(
        mysql=pb.MySQLDatabaseConfig(
            host=host, port=port, database=database, user=username, password=password
        )
    )


class Metadata:
    """An open store, inside a `with` statement.

    Attributes:
        connection_config: Where the store is.

    Raises:
        RuntimeError: The store was asked for outside of the `with` statement, or cannot be opened.
    """

    def __init__(self, connection_config: "ConnectionConfig") -> None:
        self.connection_config = connection_config
        self._store: MetadataStore | None = None
        self._depth = 0

    @property
    def store(self) -> "MetadataStore":
        """The `ml_metadata.MetadataStore`."""
        if self._store is None:
            raise RuntimeError(
                "the metadata store is not open. Use it as in: with Metadata(config) as metadata: "
                "metadata.store.get_artifacts()"
            )
        return self._store

    def __enter__(self) -> Self:
        if self._depth == 0:
            self._store = _opened(self.connection_config)
        self._depth += 1
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._store = None


def __getattr__(name: str) -> Any:
    # A file may name the type in an annotation, or never.
    if name == "ConnectionConfigType":
        return _messages(name).ConnectionConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _opened(config: "ConnectionConfig") -> "MetadataStore":
    from ml_metadata import MetadataStore, errors

    attempt = 0
    while True:
        attempt += 1
        try:
            return MetadataStore(config)
        except (RuntimeError, errors.StatusError) as error:
            # A run may just be creating the store, or writing to it.
            if attempt == _ATTEMPTS:
                raise RuntimeError(
                    f"the metadata store cannot be opened: {error}. Check the path or the server "
                    "of its configuration, and that no other program holds it."
                ) from error
            time.sleep(_PAUSE_SECONDS)


def _messages(asker: str) -> Any:
    try:
        from ml_metadata.proto import metadata_store_pb2
    except ImportError as error:
        raise ImportError(
            f"{asker} needs ml-metadata, which is not installed here. Install Headrace with its "
            "extra `embedded`, or ask for the metadata outside of a task."
        ) from error
    return metadata_store_pb2

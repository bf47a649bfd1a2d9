"""Where a TFX pipeline says that its runs on this machine go."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from headrace_components.library.user_code.module_pack import is_remote


def local_root(pipeline: Any) -> str:
    """Returns the pipeline's root, if it is a directory of this machine; else an empty text."""
    root = root_of(pipeline)
    return "" if is_remote(root) else root.removeprefix("file://")


def remote_root(pipeline: Any) -> str:
    """Returns the pipeline's root, if it is a URI; else an empty text."""
    root = root_of(pipeline)
    return root if is_remote(root) else ""


def root_of(pipeline: Any) -> str:
    """Returns the pipeline's root as its author gave it; empty if there is none."""
    return str(pipeline.pipeline_info.pipeline_root or "")


def metadata_url(pipeline: Any) -> str:
    """Returns the URL of the pipeline's lineage database; empty if it names none.

    Source: `ConnectionConfig` of ML Metadata, with `sqlite.filename_uri` or `mysql`.
    """
    config = pipeline.metadata_connection_config
    if config is None:
        return ""
    if config.sqlite.filename_uri:
        path = Path(config.sqlite.filename_uri.removeprefix("file://")).absolute()
        return f"sqlite:///{quote(str(path))}"
    mysql = config.mysql
    if not mysql.database:
        return ""
    user = quote(mysql.user, safe="")
    if mysql.password:
        user = f"{user}:{quote(mysql.password, safe='')}"
    port = f":{mysql.port}" if mysql.port else ""
    return f"mysql://{user}@{mysql.host}{port}/{quote(mysql.database, safe='')}"

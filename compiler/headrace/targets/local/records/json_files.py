"""JSON files that are there whole or not at all."""

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any


def write_json(path: Path, data: Any, *, mode: int = 0o666) -> None:
    """Writes a JSON file that is there whole or not at all, whatever happens meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123  a descriptor is not a path
            json.dump(data, file, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def read_json(path: Path) -> dict[str, Any]:
    """Reads a file of `write_json`.

    Raises:
        ValueError: It does not contain a JSON object; the message has the reason in one line.
        OSError: It cannot be read.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(data, dict):
        raise ValueError(f"it holds {type(data).__name__} data, expected an object")
    return data


def readable_json(file: Path) -> dict[str, Any]:
    """Reads a file of `write_json`; empty if it is missing, damaged, or for somebody else."""
    try:
        return read_json(file)
    except (ValueError, OSError):
        return {}

"""Keeps the metadata of examples in a file beside the splits. Standard library only.

`examples.json` has the artifact's metadata: `span`, `version`, `split_names` and so on. A backend
keeps metadata in a database, which later runs cannot read on every backend; span_range reads this
file.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace_components.contract.task import Artifact, MetadataValue

FILE_NAME = "examples.json"


def publish(output: Artifact, metadata: Mapping[str, MetadataValue]) -> None:
    """Sets the metadata of an Examples artifact, and writes it to a file beside the splits."""
    output.metadata.update(metadata)
    text = json.dumps(dict(metadata), indent=1, sort_keys=True) + "\n"
    (output.path / FILE_NAME).write_text(text, "utf-8")


def read(path: Path) -> dict[str, Any]:
    """Returns the metadata of the Examples artifact at `path`; empty without such a file."""
    try:
        content = json.loads((path / FILE_NAME).read_text("utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return dict(content) if isinstance(content, dict) else {}

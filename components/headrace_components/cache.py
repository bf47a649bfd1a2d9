"""What a cache must know of a component beyond its parameters and input artifacts.

A component that reads anything else - files in a data directory, the models of earlier runs - has a
`cache.py` with a function `external_state(params, inputs)`. It returns a fingerprint of what was
read, or None where only a run can tell, and then the task is never answered from a cache. A
component without `cache.py` depends on its parameters and inputs alone.

Where a component does not use an input that is connected - a baseline that holds no model - its
`cache.py` may also have a function `relevant_inputs(inputs)`, which returns the inputs without it:
only those then belong to the key. A component that writes outside of its outputs has a function
`still_holds(outputs)`, which says whether what it wrote is still as it left it. Standard library
only: the local backend calls all three before it decides whether a task must run.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Params = Mapping[str, Any]
Inputs = Mapping[str, Sequence[str]]
"""URIs of the input artifacts by port."""
Outputs = Mapping[str, Sequence[Mapping[str, Any]]]
"""Metadata of the output artifacts by port."""


def file_fingerprint(*paths: str) -> str | None:
    """Returns a fingerprint of local files by name, size and time of change.

    Returns None when a path is remote or missing: then the component runs and says so itself.
    """
    digest = hashlib.sha256()
    for path in paths:
        if "://" in path or not Path(path).is_file():
            return None
        status = Path(path).stat()
        digest.update(f"{Path(path).resolve()}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()

"""What a cache must know of a component beyond its parameters and input artifacts.

A component without `cache.py` depends on its parameters and inputs alone. Another says what else in
one or more functions there:

`external_state(params, inputs)`: the component reads what lies elsewhere - files in a data
directory, the models of earlier runs. It returns a fingerprint of that.

`environment_state(params)`: the component takes code or programs from where it runs - a function
that is given by dotted path, a server on PATH. It returns a fingerprint of those. In an image, the
image's reference stands for them.

Both return None where only a run can tell; then the task is never answered from a cache.

`relevant_inputs(inputs)`: the component does not use an input that is connected - a baseline that
holds no model. It returns the inputs without it: only those belong to the key.

`still_holds(outputs)`: the component writes outside of its outputs. It returns whether what it
wrote is still as it left it.

Standard library only: the local backend calls all of them before it decides whether a task must
run, and the compiler looks at which there are.
"""

import hashlib
import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

Params = Mapping[str, Any]
Inputs = Mapping[str, Sequence[str]]
"""URIs of the input artifacts by port."""
Outputs = Mapping[str, Sequence[Mapping[str, Any]]]
"""Metadata of the output artifacts by port."""


def cache_module(component: str) -> ModuleType | None:
    """Returns a component's `cache.py`; None where there is no such file, or no such component."""
    name = f"headrace_components.{component}"
    if importlib.util.find_spec(name) is None or importlib.util.find_spec(f"{name}.cache") is None:
        return None
    return importlib.import_module(f"{name}.cache")


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

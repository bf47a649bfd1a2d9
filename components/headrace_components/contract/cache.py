"""What a cache must know of a component beyond its parameters and input artifacts.

A component without `cache.py` depends on its parameters and inputs alone. Another says what else in
one or more functions there:

`external_state(params, inputs)`: the component reads what lies elsewhere - files in a data
directory, the models of earlier runs. It returns a fingerprint of that.

`input_locations(params)`: parameters alone say what `external_state` looks at. It returns the paths
and URIs. On a cluster, whose caches do not call any of this, the fingerprint is then taken before
the task, and passed to it as a parameter, which is in the key.

`earlier_state(params, output)`: the same for a component that looks for what earlier runs left,
called on a cluster alone. `output` is an artifact of a task of the run, which tells where runs lie.

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
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

Params = Mapping[str, Any]
Inputs = Mapping[str, Sequence[str]]
"""URIs of the input artifacts by port."""
Outputs = Mapping[str, Sequence[Mapping[str, Any]]]
"""Metadata of the output artifacts by port."""

# What is read of files to know whether they changed: a tenth of a second, at most.
_SMALL_BYTES = 1 << 20
_MAX_BYTES = 64 << 20
_END_BYTES = 1 << 16


def cache_module(component: str) -> ModuleType | None:
    """Returns a component's `cache.py`; None where there is no such file, or no such component."""
    name = f"headrace_components.{component}"
    if importlib.util.find_spec(name) is None or importlib.util.find_spec(f"{name}.cache") is None:
        return None
    return importlib.import_module(f"{name}.cache")


def file_fingerprint(*paths: str) -> str | None:
    """Returns a fingerprint of local files.

    Returns None when a path is remote or missing: then the component runs and says so itself.
    """
    if any("://" in path or not Path(path).is_file() for path in paths):
        return None
    return fingerprint_of((str(Path(path).resolve()), Path(path)) for path in paths)


def fingerprint_of(files: Iterable[tuple[str, Path]], *, with_times: bool = False) -> str:
    """Returns a fingerprint of files that somebody else may change.

    Small files are read: they may be replaced by others of the same size and time. Of large ones it
    takes size, time of change, beginning and end, and the time at which the file system last heard
    of a change, which a program cannot set.

    Args:
        files: Each with the name that stands for it.
        with_times: Whether a file that was written again is another one, whatever it holds. Then a
            task that began to read later than the fingerprint was taken, and found other contents,
            is not taken for one that read these.
    """
    digest = hashlib.sha256()
    room = _MAX_BYTES
    for name, path in files:
        status = path.stat()
        digest.update(f"{name}\0{status.st_size}\0".encode())
        is_small = status.st_size <= min(_SMALL_BYTES, room)
        if with_times or not is_small:
            digest.update(f"{status.st_mtime_ns}\0{status.st_ctime_ns}\0".encode())
        if is_small:
            room -= status.st_size
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        else:
            digest.update(_ends(path, status.st_size))
    return digest.hexdigest()


def _ends(path: Path, size: int) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(_END_BYTES))
        file.seek(max(0, size - _END_BYTES))
        digest.update(file.read(_END_BYTES))
    return digest.digest()

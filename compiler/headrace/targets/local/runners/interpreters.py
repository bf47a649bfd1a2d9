"""Chooses the Python for the environment of a lock, and checks whether this machine has it."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from headrace.images.built import PLATFORM, PYTHON_VERSION
from headrace.images.locks import has_packages, lock_file
from headrace_components.contract.declaration import is_isolated
from headrace_components.contract.errors import InputError

_MACHINE, _, _GLIBC = PLATFORM.partition("-manylinux_")
_GLIBC_VERSION = tuple(int(part) for part in _GLIBC.split("_"))

_PROBE = (
    "import json, platform, sys\nprint(json.dumps([sys.base_prefix, platform.python_version()]))"
)
_PROBE_SECONDS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonInterpreter:
    """A Python to make an environment with.

    Attributes:
        path: Its program.
        prefix: Where it is installed.
        version: As `3.13.5`.
    """

    path: Path
    prefix: str
    version: str


def interpreter_for(image: str, lock: Path) -> PythonInterpreter:
    """Returns the Python for an image's environment.

    A lock without packages, and that of an isolated component, is for every Python that Headrace
    supports. The others are for that of the images.

    Raises:
        InputError: This machine does not have that Python.
    """
    if not _is_for_images(image, lock):
        return own_interpreter()
    found = _of_images()
    if found is None:
        raise _unfit([image], None)
    return found


def check_interpreters(images: Iterable[str]) -> None:
    """Raises InputError if this machine cannot make an image's environment.

    Whether a package index has packages for this machine only shows when an environment is made.
    """
    bound = sorted({image for image in images if _is_for_images(image, lock_file(image))})
    if not bound:
        return
    found = _of_images()
    if found is None or not _has_glibc():
        raise _unfit(bound, found)


def _is_for_images(image: str, lock: Path) -> bool:
    return not is_isolated(image) and has_packages(lock)


def _unfit(images: list[str], found: PythonInterpreter | None) -> InputError:
    libc = " ".join(platform.libc_ver()).strip() or "no glibc"
    python = f"Python {found.version}" if found else f"no python{PYTHON_VERSION} on PATH"
    wanted = ".".join(map(str, _GLIBC_VERSION))
    return InputError(
        f"headrace run: the runner venv makes environments from the locks of {images}, but this "
        f"machine has {libc} on {platform.machine()} and {python}; the locks are for glibc "
        f"{wanted} or newer on {_MACHINE} and Python {PYTHON_VERSION}. Choose --runner worker, or "
        "call this on such a machine, for example Debian 13."
    )


def _has_glibc() -> bool:
    name, version = platform.libc_ver()
    parts = tuple(int(part) for part in version.split(".") if part.isdecimal())
    return name == "glibc" and parts >= _GLIBC_VERSION and platform.machine() == _MACHINE


def own_interpreter() -> PythonInterpreter:
    """Returns the Python that Headrace runs in."""
    return PythonInterpreter(
        path=Path(sys.executable), prefix=sys.base_prefix, version=platform.python_version()
    )


def _of_images() -> PythonInterpreter | None:
    """Returns this Python if it is the one of the images, else the first such on PATH."""
    if platform.python_version().startswith(f"{PYTHON_VERSION}."):
        return own_interpreter()
    return next(_on_path(f"python{PYTHON_VERSION}"), None)


def _on_path(name: str) -> Iterator[PythonInterpreter]:
    for directory in os.get_exec_path():
        candidate = Path(directory, name)
        if not os.access(candidate, os.X_OK):
            continue
        # A version manager has programs of that name for Pythons that it lacks: they only fail.
        command = [str(candidate), "-c", _PROBE]
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PROBE_SECONDS
        )
        if result.returncode == 0:
            prefix, version = json.loads(result.stdout)
            yield PythonInterpreter(path=candidate, prefix=prefix, version=version)

"""The part of a cache key for a component's code."""

import hashlib
import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from headrace.images.locks import lock_digest
from headrace.ir.view import ComponentSpec
from headrace.targets.local.shared.task_code import packages_of_tasks
from headrace_components.contract.declaration import is_isolated

# Like our own code, these may change results with their version.
_LIBRARIES = (
    "apache-beam",
    "keras",
    "pyarrow",
    "tensorflow",
    "tensorflow-data-validation",
    "tensorflow-model-analysis",
    "tensorflow-transform",
    "tfx-bsl",
)


class CodeVersions(Protocol):
    """Identifies the code of a run's components."""

    def of(self, component: ComponentSpec) -> str:
        """Returns a fingerprint of a component's code; empty if its container identifies it."""


@dataclass(frozen=True, kw_only=True)
class InstalledCode:
    """The code that is installed here, with the packages that it uses.

    Attributes:
        from_locks: Whether every component runs on its image's lock, as with the runner `venv`;
            else only isolated ones do, and the others use the packages that are installed with
            Headrace.
    """

    from_locks: bool = False

    @cached_property
    def embedded(self) -> str:
        """A fingerprint of Headrace's components and of the libraries installed with it."""
        versions = [f"{library}\0{_version(library)}\0".encode() for library in _LIBRARIES]
        return _digest([self._components, *versions])

    def of(self, component: ComponentSpec) -> str:
        """Returns a fingerprint of a component of Headrace and its packages, else ""."""
        name = component.headrace_name
        if name is None:
            return ""
        if self.from_locks:
            return f"{_digest([self._components])} {lock_digest(name)}"
        return f"{self.embedded} {lock_digest(name) if is_isolated(name) else ''}"

    @cached_property
    def _components(self) -> bytes:
        return b"".join(
            f"{file.relative_to(package.parent)}\0".encode() + file.read_bytes()
            for package in packages_of_tasks()
            for file in sorted(package.rglob("*.py"))
        )


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return ""

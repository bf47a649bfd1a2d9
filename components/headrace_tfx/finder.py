"""Answers `import tfx` while user code is loaded or called. Standard library only.

If TFX is installed, this does nothing: the module gets the real TFX.
"""

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from headrace_tfx import surface

_PACKAGES = surface.packages()


@contextlib.contextmanager
def tfx_importable(folder: Path | None) -> Iterator[None]:
    """Makes TFX's names importable for module files.

    Uses may nest and overlap: a Beam pipeline calls user code in several threads.

    Args:
        folder: The directory of the files that come with the module, if there are any.

    Raises (in the importing code):
        ImportError: The name does not exist; the message lists the existing names.
    """
    with _FINDER.lock:
        if folder is not None:
            _FINDER.folder = folder
        _FINDER.num_users += 1
        if _FINDER.num_users == 1 and not _is_installed():
            sys.meta_path.insert(0, _FINDER)
    try:
        yield
    finally:
        with _FINDER.lock:
            _FINDER.num_users -= 1
            if _FINDER.num_users == 0 and _FINDER in sys.meta_path:
                sys.meta_path.remove(_FINDER)
                _forget()


def _is_installed() -> bool:
    # A folder `tfx` of the author's without an `__init__.py` is not TFX.
    found = importlib.util.find_spec("tfx")
    return found is not None and found.origin is not None


def _forget() -> None:
    # Other code in this process must not find it as TFX, and the next module has other siblings.
    for name in [name for name in sys.modules if name == "tfx" or name.startswith("tfx.")]:
        del sys.modules[name]


class _Names(ModuleType):
    """A module that only looks up a name when it is used, so that unused names are not imported."""

    def __getattr__(self, name: str) -> Any:
        full = f"{self.__name__}.{name}"
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        ours = surface.NAMES.get(self.__name__, {}).get(name)
        if ours:
            module, attribute = ours
            return getattr(importlib.import_module(module), attribute)
        if full in _PACKAGES or full in surface.NAMES or full in surface.ALIASES:
            with tfx_importable(None):
                return importlib.import_module(full)
        raise AttributeError(surface.unknown(full))

    def __dir__(self) -> Sequence[str]:
        return sorted(surface.NAMES.get(self.__name__, {}))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and makes the modules; there is one finder per process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.num_users = 0
        self.folder: Path | None = None

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002  of the interface
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "tfx" and not fullname.startswith("tfx."):
            return None
        known = fullname in _PACKAGES or fullname in surface.ALIASES or fullname in surface.NAMES
        if not known and not self._sibling(fullname) and not surface.is_folder(fullname):
            # Not ModuleNotFoundError: `from tfx.v1 import x` would hide it and its message.
            raise ImportError(surface.unknown(fullname), name=fullname)
        # All are packages, so that Python asks this finder for each missing name.
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Names(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        # The import system uses the entry of `sys.modules` afterwards: the same module as under the
        # plain name, so that its classes exist only once.
        name = module.__name__
        ours = surface.ALIASES.get(name) or self._sibling(name)
        if ours:
            sys.modules[name] = importlib.import_module(ours)

    def _sibling(self, name: str) -> str:
        file = surface.sibling(name)
        return file if file and self.folder and (self.folder / f"{file}.py").is_file() else ""


_FINDER = _Finder()

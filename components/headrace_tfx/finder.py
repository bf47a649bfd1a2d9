"""Answers `import tfx`: while an author's file runs, or always. Standard library only.

For a module file, a TFX that is installed is in front. For a pipeline file ours is, unless the
variable `HEADRACE_TFX` is `installed`: it runs on Headrace only with ours.
"""

import contextlib
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, cast

# How far above an author's file the files of an example of TFX are.
_MAX_FOLDERS_ABOVE = 3


@contextlib.contextmanager
def tfx_importable(folder: Path | None, *, in_front: bool = False) -> Iterator[None]:
    """Makes TFX's names importable.

    Uses may nest and overlap: a Beam pipeline calls user code in several threads. Afterwards other
    code of the process finds neither ours nor the next file's siblings.

    Args:
        folder: The directory of the files that come with the module, if there are any.
        in_front: Whether ours is in front of a TFX that is installed, as for pipeline files.

    Raises (in the importing code):
        ImportError: The name does not exist, or is refused; the message says what to use instead.
    """
    with _FINDER.lock:
        used = _FINDER.num_users > 0 or _is_wanted(in_front=in_front)
        if used:
            _FINDER.enter()
        if folder is not None:
            _FINDER.folder = folder
    try:
        yield
    finally:
        if used:
            _FINDER.leave()


def activate(folder: Path | None = None) -> None:
    """Makes TFX's names importable in this process from now on, ours in front.

    Args:
        folder: The directory of the author's files, if there are any.
    """
    with _FINDER.lock:
        if not _FINDER.is_activated and _is_wanted(in_front=True):
            _FINDER.is_activated = True
            _FINDER.enter()
        if folder is not None:
            _FINDER.folder = folder


def sibling_names(name: str) -> tuple[str, ...]:
    """Returns the modules beside the author's file that a name of TFX may mean, the longest first.

    They are none but for names of TFX's examples and templates.
    """
    found: tuple[str, ...] = _surface().siblings(name) if _is_tfx(name) else ()
    return found


def _surface() -> Any:
    """Returns the table of TFX's names, which a process that imports none of them does not need."""
    return importlib.import_module("headrace_tfx.surface")


def _is_tfx(name: str) -> bool:
    return name == "tfx" or name.startswith("tfx.")


def _taken_out() -> dict[str, ModuleType]:
    """Forgets all modules of TFX, and returns them."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if _is_tfx(name)}


class _Names(ModuleType):
    """A module that only looks up a name when it is used, so that unused names are not imported."""

    def __getattr__(self, name: str) -> Any:
        full = f"{self.__name__}.{name}"
        if name == "__all__":  # of `from tfx.v1.proto import *`
            return [each for each in dir(self) if not each.startswith("_")]
        if name.startswith("__") and name != "__version__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        ours = _surface().source(self.__name__, name)
        if ours is not None:
            module, attribute = ours
            value = getattr(importlib.import_module(module), attribute)
            self.__dict__[name] = value
            return value
        if _surface().is_module(full):
            _FINDER.enter()  # the author's code may use it after the file was loaded
            try:
                return importlib.import_module(full)
            finally:
                _FINDER.leave()
        raise AttributeError(_surface().unknown(full))

    def __dir__(self) -> Sequence[str]:
        return sorted({*_surface().names_of(self.__name__), *_surface().submodules(self.__name__)})


class _Finder:
    """Finds and makes the modules; there is one finder per process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.num_users = 0
        self.is_activated = False
        self.folder: Path | None = None
        self.installed: dict[str, ModuleType] = {}

    def enter(self) -> None:
        """Begins a use, which `leave` ends."""
        with self.lock:
            self.num_users += 1
            if self.num_users == 1:
                self.installed = _taken_out()
                sys.meta_path.insert(0, self)

    def leave(self) -> None:
        """Ends a use; after the last one a TFX that is installed is found again."""
        with self.lock:
            self.num_users -= 1
            if not self.num_users and self in sys.meta_path:
                sys.meta_path.remove(self)
                _taken_out()
                sys.modules.update(self.installed)
                self.installed = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002  of the interface
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if not _is_tfx(fullname):
            return None
        found = (
            self._sibling(fullname) or _surface().is_module(fullname) or self._is_folder(fullname)
        )
        if not found:
            # Not ModuleNotFoundError: `from tfx.v1 import x` would hide it and its message.
            raise ImportError(_surface().unknown(fullname), name=fullname)
        # All are packages, so that Python asks this finder for each missing name.
        spec = importlib.machinery.ModuleSpec(fullname, cast("Any", self), is_package=True)
        # Notebooks read `tfx.__path__[0]`. No other finder looks there for modules.
        spec.submodule_search_locations = [str(Path(__file__).parent)]
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        made = _Names(spec.name)
        made.__file__ = __file__  # `%load_ext` asks a module for it
        return made

    def exec_module(self, module: ModuleType) -> None:
        # The import system uses the entry of `sys.modules` afterwards: the same module as under the
        # plain name, so that its classes exist only once.
        found = self._sibling(module.__name__)
        if found:
            name, folder = found
            sys.modules[module.__name__] = _imported(name, folder, module.__name__)

    def _sibling(self, name: str) -> tuple[str, Path] | None:
        """Returns the plain name of a file of the author's, and the directory that has it."""
        for folder in self._folders():
            for each in _surface().siblings(name):
                # A plain name above the author's directory may be anything.
                if (folder == self.folder or "." in each) and (
                    folder / f"{each.replace('.', '/')}.py"
                ).is_file():
                    return each, folder
        return None

    def _is_folder(self, name: str) -> bool:
        names = _surface().siblings(name)
        return any(
            (folder / each.replace(".", "/")).is_dir()
            for folder in self._folders()
            for each in names
        )

    def _folders(self) -> list[Path]:
        above = self.folder.parents[:_MAX_FOLDERS_ABOVE] if self.folder else ()
        return [self.folder, *above] if self.folder else []


def _is_wanted(*, in_front: bool) -> bool:
    if in_front and os.environ.get("HEADRACE_TFX") != "installed":
        return True
    # A folder `tfx` of the author's without an `__init__.py` is not TFX.
    found = importlib.util.find_spec("tfx")
    return found is None or found.origin is None


def _imported(name: str, folder: Path, full: str) -> ModuleType:
    """Imports a file of the author's, which may be in a directory that Python does not look in.

    Args:
        name: Its plain name.
        folder: The directory that has it.
        full: Its name below `tfx`, under which it is imported if an installed package has the
            plain name, as Google's `proto`.
    """
    if _is_elsewhere(name.partition(".")[0], folder):
        return _imported_as(full, folder / f"{name.replace('.', '/')}.py")
    # At the end: what is installed and imported meanwhile must not find the author's files.
    sys.path.append(str(folder))
    try:
        return importlib.import_module(name)
    finally:
        del sys.path[len(sys.path) - 1 - sys.path[::-1].index(str(folder))]


def _is_elsewhere(top: str, folder: Path) -> bool:
    """Returns whether a name is that of a package that is not the author's."""
    try:
        found = importlib.util.find_spec(top)
    except ValueError:  # a module without a spec, as a program's `__main__`
        return False
    origin = found.origin if found else None
    return origin is not None and not Path(origin).is_relative_to(folder)


def _imported_as(name: str, file: Path) -> ModuleType:
    spec = cast("Any", importlib.util.spec_from_file_location(name, file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_FINDER = _Finder()

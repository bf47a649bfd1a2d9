"""Finds the files that a module imports from its own project, in the same way as Python.

A module may be in a package (`models/preprocessing.py`, with or without an `__init__.py`), and
import other modules of its project by their full names, relatively, or, beside it, by plain names.
Each file is packed under its name relative to the directory of the import, so that one directory on
the import path is enough for all of them.
"""

import ast
import contextlib
import importlib.util
import os
import site
import sys
import sysconfig
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from headrace.errors import CompileError
from headrace_components.contract.declaration import MODULE_FILE
from headrace_components.library.user_code.module_pack import DIRECTORY_PREFIX
from headrace_components.library.user_code.siblings import imports_of

# These are in every image, in whatever way they are installed here.
_OURS = frozenset({"headrace", "headrace_components", "tfx"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """A module and its imports from its project.

    Attributes:
        entry: Name of the module's own file.
        files: Source text by name, such as `models/features.py`.
    """

    entry: str
    files: dict[str, str]


def collect(path: Path, user: str, directory: Path) -> Sources:
    """Returns the source of a module and of all files of its project that it imports.

    Args:
        path: The module's file.
        user: The task or parameter that names it, for messages.
        directory: The directory of the pipeline file. Imports may start there, in the working
            directory, and in `PYTHONPATH`.

    Raises:
        CompileError: A file is missing, is not Python, is compiled code, or two files would have
            the same name. The message has file and line.
    """
    entry = Path(os.path.abspath(path))  # noqa: PTH100  a link keeps its own name
    collection = _Collection(entry=entry, user=user, roots=_project_roots(entry, directory))
    collection.follow()
    return collection.sources()


@dataclass(kw_only=True, slots=True)
class _Collection:
    """The files that were found, and their names in the pack.

    Attributes:
        entry: The module's file.
        user: Who names it.
        roots: Directories that imports may start from, after the module's own.
        package_root: The start of the module's own package; its own directory without a package.
        found: Text by file.
        placed: The directory that each file is relative to; None for those of the module's own
            package.
    """

    entry: Path
    user: str
    roots: list[Path]
    package_root: Path = field(init=False)
    found: dict[Path, str] = field(default_factory=dict)
    placed: dict[Path, Path | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.package_root = self.entry.parent

    def follow(self) -> None:
        """Finds all files."""
        pending = [self.entry]
        self.placed[self.entry] = None
        while pending:
            file = pending.pop()
            if file in self.found:
                continue
            self.found[file] = read_source(file, self.user)
            before = set(self.placed)
            for place in _imports(file, self.found[file], self.user):
                self._import(place)
            self._add_packages()
            pending += [each for each in self.placed if each not in before]

    def sources(self) -> Sources:
        """Returns the files under the names that they are packed with."""
        names: dict[str, Path] = {}
        for file, root in sorted(self.placed.items()):
            name = file.relative_to(root or self.package_root).as_posix()
            if name in names:
                raise CompileError(
                    f"{self.user}: {names[name]} and {file} are both imported as {name!r} from "
                    f"{self.entry.name}, and only one of them can be. Rename one."
                )
            names[name] = file
        entry = self.entry.relative_to(self.package_root).as_posix()
        return Sources(entry=entry, files={name: self.found[file] for name, file in names.items()})

    def _import(self, place: "_Import") -> None:
        if place.level:
            self._import_relatively(place)
            return
        top = place.module.partition(".")[0]
        # A package may be named like a directory above the module, at any level.
        above = [each for each in self.entry.parents[1:] if self.entry.is_relative_to(each / top)]
        for root in dict.fromkeys([self.entry.parent, *self.roots, *above]):
            is_beside = root == self.entry.parent
            if not is_beside and (top in sys.stdlib_module_names or top in _OURS):
                continue
            found = _find(root, place)
            if found is None:
                continue
            if found.is_namespace and (top in sys.stdlib_module_names or _is_installed(top)):
                continue  # Python prefers a regular package to a folder without __init__.py
            self._check(place, found, root)
            self._place(found.files, root, top)
            return

    def _import_relatively(self, place: "_Import") -> None:
        base = place.file.parent
        for _ in range(place.level - 1):
            base = base.parent
        found = _find(base, place) if place.module else _inside(base, place)
        if found is None:
            found = _Found(missing=place.module or ", ".join(place.names), where=base)
        self._check(place, found, base)
        root = self.placed[place.file]
        if root is None:
            # Python counts the packages above the file: there must be as many as there are dots.
            self._raise_package_root(_package_root(base))
        for file in found.files:
            self.placed.setdefault(file, root)

    def _check(self, place: "_Import", found: "_Found", root: Path) -> None:
        if found.compiled is not None:
            raise CompileError(
                f"{place.where(self.user)} imports {found.compiled.name!r}, which is compiled "
                "code, and only Python source travels with a module. Install it in an image of "
                "your own, and name the module's function by dotted path."
            )
        if found.missing and not place.may_fail:
            raise CompileError(
                f"{place.where(self.user)} imports {place.text!r}, but {found.where or root} has "
                f"no module {found.missing!r}. Correct the import, or put the file there."
            )

    def _place(self, files: list[Path], root: Path, top: str) -> None:
        is_own = root == self.entry.parent
        if not is_own and self.entry.is_relative_to(root / top):
            self._raise_package_root(root)
            is_own = True
        for file in files:
            self.placed.setdefault(file, None if is_own else root)

    def _raise_package_root(self, root: Path) -> None:
        if self.package_root.is_relative_to(root):
            self.package_root = root

    def _add_packages(self) -> None:
        """Adds the files that Python runs before a package's file: the `__init__.py` above it."""
        for file, root in list(self.placed.items()):
            directory = file.parent
            while directory != (root or self.package_root) and directory != directory.parent:
                init = directory / "__init__.py"
                if init.is_file():
                    self.placed.setdefault(init, root)
                directory = directory.parent


@dataclass(frozen=True, kw_only=True, slots=True)
class _Import:
    """One import statement: `from ..models import a, b` has the level 2 and the names a and b."""

    file: Path
    line: int
    module: str
    names: tuple[str, ...]
    level: int
    may_fail: bool

    @property
    def text(self) -> str:
        """The import, as the author wrote it."""
        return "." * self.level + (self.module or ", ".join(self.names))

    def where(self, user: str) -> str:
        """Returns how a message about it starts."""
        return f"{user}: {self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """The meaning of an import in one directory.

    Attributes:
        files: The files that it runs, packages before their contents.
        is_namespace: Whether its first name is a directory without `__init__.py`.
        compiled: The first file of it that is compiled code.
        missing: The first part of its name that does not exist; empty if all exist.
        where: The directory in which it is missing.
    """

    files: list[Path] = field(default_factory=list)
    is_namespace: bool = False
    compiled: Path | None = None
    missing: str = ""
    where: Path | None = None


def _find(root: Path, place: _Import) -> _Found | None:
    """Returns the meaning of `place.module` below `root`, or None if it does not start there."""
    files: list[Path] = []
    current, is_namespace = root, False
    parts = place.module.split(".")
    for number, name in enumerate(parts):
        kind, file = _kind(current / name)
        is_namespace = is_namespace or (number == 0 and kind == "namespace")
        if kind == "compiled":
            return _Found(files=files, compiled=file)
        if kind in ("package", "module") and file is not None:
            files.append(file)
        if kind == "nothing" or (kind == "module" and number < len(parts) - 1):
            if number == 0 and kind == "nothing":
                return None
            if is_namespace:
                return None
            missing = name if kind == "nothing" else parts[number + 1]
            return _Found(files=files, missing=missing, where=current)
        if kind == "module":
            return _Found(files=files, is_namespace=is_namespace)
        current /= name
    inside = _inside(current, place)
    found = [*files, *(inside.files if inside else [])]
    if is_namespace and not found:
        return None  # a folder of something else
    compiled = inside.compiled if inside else None
    return _Found(files=found, is_namespace=is_namespace, compiled=compiled)


def _inside(directory: Path, place: _Import) -> _Found | None:
    """Returns the modules of a package that a statement names; other names are attributes."""
    files: list[Path] = []
    names = place.names
    if "*" in names:  # as in `__all__`, which may name any module of the package
        names = tuple(sorted(file.stem for file in directory.glob("*.py")))
    for name in names:
        kind, file = _kind(directory / name)
        if kind == "compiled":
            return _Found(files=files, compiled=file)
        if file is not None:
            files.append(file)
    init = directory / "__init__.py"
    if init.is_file():
        files.insert(0, init)
    return _Found(files=files) if files else None


def _kind(path: Path) -> tuple[str, Path | None]:
    """Returns what Python finds under a name, in Python's order, and its file."""
    if (path / "__init__.py").is_file():
        return "package", path / "__init__.py"
    for suffix in EXTENSION_SUFFIXES:
        if (file := path.with_name(path.name + suffix)).is_file():
            return "compiled", file
    file = path.with_name(f"{path.name}.py")
    if file.is_file():
        return "module", file
    return ("namespace", None) if path.is_dir() else ("nothing", None)


def _package_root(base: Path) -> Path:
    """Returns the directory above the package that `base` is the directory of."""
    while (base / "__init__.py").is_file():
        base = base.parent
        if not (base / "__init__.py").is_file():
            return base
    return base.parent


def _imports(file: Path, text: str, user: str) -> Iterator[_Import]:
    try:
        tree = ast.parse(text, str(file))
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise CompileError(
            f"{user}: {file}:{error.lineno}: {error.msg}: {line!r}. Correct the module's line."
        ) from error
    for each in imports_of(tree):
        yield _Import(
            file=file,
            line=each.line,
            module=each.module,
            names=each.names,
            level=each.level,
            may_fail=each.may_fail,
        )


def read_source(path: Path, user: str) -> str:
    """Returns the text of a Python file, in the encoding that it declares.

    Raises:
        CompileError: The file does not exist, or does not have its declared encoding.
    """
    if not path.is_file():
        raise CompileError(
            f"{user}: `{MODULE_FILE}` names {str(path)!r}, which is not a file. Give a path "
            "that begins beside the pipeline file or, as a parameter of a run, in the working "
            "directory; or a URI."
        )
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (UnicodeDecodeError, SyntaxError) as error:
        raise CompileError(
            f"{user}: the module {str(path)!r} is not UTF-8: {error}. Save it as UTF-8, or write "
            "its encoding into its first line, for example `# -*- coding: latin-1 -*-`."
        ) from error


def _project_roots(entry: Path, directory: Path) -> list[Path]:
    """Returns the directories that imports of a project may start from, the nearest first."""
    starts = [Path(os.path.abspath(directory))]  # noqa: PTH100
    with contextlib.suppress(FileNotFoundError):  # it may have been deleted
        starts.append(Path.cwd())
    outermost = [start for start in starts if entry.is_relative_to(start)]
    stop = min(outermost, key=lambda start: len(start.parts), default=_package_root(entry.parent))
    roots = [each for each in entry.parents[1:] if each.is_relative_to(stop)]
    return list(dict.fromkeys([*roots, *starts, *_import_path()]))


def _import_path() -> list[Path]:
    """Returns the directories that the author added to the import path, such as `PYTHONPATH`."""
    added = [Path(os.path.abspath(entry)) for entry in sys.path if entry]  # noqa: PTH100
    return [
        path
        for path in added
        if path.is_dir()
        and not _is_in_environment(path)
        # The directory of a module that was packed before and loaded in this process.
        and not any(part.startswith(DIRECTORY_PREFIX) for part in path.parts)
    ]


def _is_installed(name: str) -> bool:
    """Returns whether a regular package or module of that name is installed."""
    with contextlib.suppress(ImportError, ValueError, AttributeError):
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec else None
        return bool(origin) and _is_in_environment(Path(str(origin)))
    return False


def _is_in_environment(path: Path) -> bool:
    kinds = ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
    installed = [sysconfig.get_paths()[kind] for kind in kinds]
    installed += [*site.getsitepackages(), site.getusersitepackages()]
    return any(path.is_relative_to(each) for each in installed)

"""Loads functions that users write, and turns their exceptions into messages for them.

A module comes as a path, as a URI, or packed into the parameter itself. It is always loaded from a
real file, so that tracebacks show its lines and `inspect` and `tf.function` find its source. It
gets a unique name, so that it does not hide an installed package. Standard library only.
"""

import atexit
import contextlib
import errno
import functools
import hashlib
import importlib
import importlib.util
import inspect
import linecache
import logging
import os
import re
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

from headrace_components.contract.errors import ComponentError, InputError, PlatformError
from headrace_components.contract.task import local_path
from headrace_components.library.clients.storage import read_bytes
from headrace_components.library.user_code.failures import advice, explained, quoted_places
from headrace_components.library.user_code.module_functions import check_source, missing_function
from headrace_components.library.user_code.module_pack import (
    DIRECTORY_PREFIX,
    encoded,
    is_packed,
    is_remote,
    unpack,
)
from headrace_tfx.finder import tfx_importable

# Directories of loaded user code, and the modules that were imported from there in other ways. A
# worker runs many tasks: a module `features` of one pipeline must not be imported by another
# pipeline.
_directories: dict[Path, frozenset[str]] = {}

# Installed packages with user functions, given as dotted paths.
_packages: set[Path] = set()

# The entry of `sys.path` that this module put there, if any.
_import_path: list[str] = []

# Directories of modules that were not given as a file; the last one is in use.
_temporary: list[Path] = []


def load_function(
    component: str, module_file: str, function_name: str, dotted: str = ""
) -> Callable[..., Any]:
    """Returns the user's function.

    Args:
        component: Name of the component, for the log.
        module_file: Path, URI or packed form of the file that defines the function; or empty.
        function_name: The function's name there, which is also the name of the parameter that
            takes a dotted path instead.
        dotted: The function, such as `package.module.function`; or empty.

    Raises:
        InputError: Both or neither of `module_file` and `dotted` are given, the module cannot be
            loaded, or it does not have this function.
    """
    check_source(module_file, function_name, dotted)
    if module_file:
        module = load_module(component, module_file)
        return _function_of(module, function_name)
    module_name, _, name = dotted.rpartition(".")
    return _function_of(_import_dotted(component, module_name), name)


def load_module(component: str, module_file: str) -> ModuleType:
    """Returns the module of `module_file`, newly executed.

    Files beside a local or packed module can be imported by their plain names. If the module is in
    a package, all files of the package can be imported by their full names, and relatively. A URI
    names one file.

    Raises:
        InputError: The file does not exist, has a syntax error, or raises when imported.
        PlatformError: The storage behind a URI did not answer.
    """
    path, root = _on_disk(module_file)
    _make_importable(path.parent, root)
    source = path.read_bytes()
    with _author_errors(component, f"importing {path.name}", path):
        code: CodeType = compile(source, str(path), "exec", dont_inherit=True)
        return _execute(path, root, source, code)


def code_of(module: ModuleType) -> tuple[Path, Path]:
    """Returns the file of a module from `load_module`, and the directory with its packages.

    The latter is the file's own directory if the file is in no package.
    """
    file = Path(module.__file__ or "")
    package = module.__package__ or ""
    return file, file.parents[len(package.split(".")) if package else 0]


def call_user_function(
    component: str, function: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """Calls a user's function; an exception becomes one line for its author.

    The full traceback goes to the log at level INFO. A full disk is still an error of the platform.

    Raises:
        InputError: The function raised. The message names the exception, and the file and line of
            the innermost frame in the user's code.
        PlatformError: The disk is full.
    """
    plain = inspect.unwrap(function)
    while isinstance(plain, functools.partial):
        plain = inspect.unwrap(plain.func)
    code = getattr(plain, "__code__", None)
    path = Path(code.co_filename) if code else None
    name = getattr(plain, "__name__", None) or f"an object of type {type(plain).__name__}"
    line = code.co_firstlineno if code else 0
    with _author_errors(component, name, path, line):
        return function(*args, **kwargs)


class _author_errors:  # noqa: N801  reads as a statement: with _author_errors(...)
    """Turns an exception of the user's code into an InputError; makes TFX's names importable."""

    def __init__(self, component: str, doing: str, path: Path | None, line: int = 0) -> None:
        self._component = component
        self._doing = doing
        self._path = path
        self._line = line
        self._tfx = tfx_importable(Path(_import_path[-1]) if _import_path else None)

    def __enter__(self) -> None:
        self._tfx.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tfx.__exit__(None, None, None)
        if error is None or isinstance(error, (ComponentError, KeyboardInterrupt, GeneratorExit)):
            return
        logging.info("%s: traceback of %s:", self._component, self._doing, exc_info=error)
        if _is_full_disk(error):
            raise PlatformError(
                f"the disk is full while in {self._doing}: {explained(error)}. "
                "Free space or choose another root, then run again."
            ) from error
        where = self._where(error, trace)
        if isinstance(error, SyntaxError) and error.filename:
            raise InputError(
                f"{Path(error.filename).name}, line {error.lineno} is not "
                f"Python: {error.msg}{_quoted(error.text)}. Correct the line and compile the "
                "pipeline again."
            ) from error
        raise InputError(
            f"{self._doing} raised {type(error).__name__}{where}: "
            f"{_sentence(explained(error))} {advice(error)}"
        ) from error

    def _where(self, error: BaseException, trace: TracebackType | None) -> str:
        found = (self._path.name, self._line) if self._path and self._line else None
        folders = set(_directories) | _packages | ({self._path.parent} if self._path else set())
        own = Path(__file__)
        places = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(trace)]
        for name, line in [*places, *quoted_places(error)]:
            path = Path(name)
            if path != own and any(path.is_relative_to(folder) for folder in folders):
                found = (path.name, line)
        return f" at {found[0]}, line {found[1]}" if found else ""


def file_of(module_file: str) -> Path:
    """Returns the path of a module file on this machine; the file is written if necessary.

    Args:
        module_file: Path, URI or packed form of the file.

    Raises:
        InputError: The file does not exist.
        PlatformError: The storage behind a URI did not answer.
    """
    return _on_disk(module_file)[0]


def package_files(folder: Path, root: Path) -> list[Path]:
    """Returns the Python files of the packages that came with a module or contain it.

    Args:
        folder: Directory of the module.
        root: Where its packages are.
    """
    if _temporary and root.is_relative_to(_temporary[-1]):
        return sorted(root.rglob("*.py"))
    if root == folder:
        return []
    return sorted((root / folder.relative_to(root).parts[0]).rglob("*.py"))


def _on_disk(module_file: str) -> tuple[Path, Path]:
    """Returns the module's file, and the directory that its packages are in."""
    if is_packed(module_file):
        entry, files = unpack(module_file)
        contents = {name: encoded(text) for name, text in files.items()}
        for name in files:
            for folder in list(Path(name).parents)[:-1]:
                # Otherwise an installed package of the same name would be found first.
                contents.setdefault(f"{folder.as_posix()}/__init__.py", b"")
        root = _written(contents)
        return root / entry, root
    if is_remote(module_file):
        name = module_file.rsplit("/", 1)[-1]
        root = _written({name: read_bytes(module_file, "module_file")})
        return root / name, root
    path = local_path(module_file)
    if not path.is_file():
        read_bytes(module_file, "module_file")  # raises the error
    path = path.resolve()
    root = path.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    return path, root


def forget_package(dotted: str) -> None:
    """Makes the next load of a function, given by dotted path, import its package again."""
    top = dotted.partition(".")[0]
    for name in [name for name in sys.modules if top and name.partition(".")[0] == top]:
        del sys.modules[name]


def _written(contents: dict[str, bytes]) -> Path:
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        digest.update(b"%d %s %d " % (len(name), name.encode(), len(content)) + content)
    folder = _process_directory() / digest.hexdigest()[:16]
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def _process_directory() -> Path:
    # A worker's TMPDIR is removed with the task, but the worker continues.
    if not _temporary or not _temporary[-1].is_dir():
        _temporary.append(Path(tempfile.mkdtemp(prefix=DIRECTORY_PREFIX)).resolve())
        atexit.register(shutil.rmtree, _temporary[-1], ignore_errors=True)
    return _temporary[-1]


def _make_importable(folder: Path, root: Path) -> None:
    """Puts both directories first on the import path, and forgets modules of earlier user code.

    Args:
        folder: The directory of the module: files in it have plain names.
        root: Where its packages are.
    """
    folders = {folder, root, *(file.parent for file in package_files(folder, root))}
    imported = _modules_by_directory({*folders, *_directories})
    for each in folders:
        _directories.setdefault(each, frozenset(imported[each]))
    for used, others in _directories.items():
        for name in imported[used] - others:
            sys.modules.pop(name, None)
    while _import_path:
        with contextlib.suppress(ValueError):  # the user's code may have removed it
            sys.path.remove(_import_path.pop())
    # The folder comes first on the path, because names of TFX may mean its files. So it is last
    # here.
    _import_path.extend(dict.fromkeys([str(root), str(folder)]))
    sys.path[:0] = reversed(_import_path)
    importlib.invalidate_caches()


def _modules_by_directory(directories: Iterable[Path]) -> dict[Path, set[str]]:
    found = {directory: set[str]() for directory in directories}
    by_text = {str(directory): names for directory, names in found.items()}
    # One pass, on text: TensorFlow and its packages are seven thousand modules.
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        # A package without __init__.py has no file, only the directories of its modules.
        places = [os.path.dirname(file)] if file else getattr(module, "__path__", None)  # noqa: PTH120
        for place in places or ():
            if (names := by_text.get(place)) is not None:
                names.add(name)
    return found


def _execute(path: Path, root: Path, source: bytes, code: CodeType) -> ModuleType:
    # The name depends on the content: two modules called module.py are different, and a module that
    # is loaded again is the same one for pickle.
    digest = hashlib.sha256(str(path).encode() + b"\0" + source).hexdigest()[:12]
    name = f"user_module_{re.sub(r'[^A-Za-z0-9_]', '_', path.stem)}_{digest}"
    package = ".".join(path.parent.relative_to(root).parts)
    # Relative imports use the spec's name, pickle the module's name.
    spec = importlib.util.spec_from_file_location(f"{package}.{name}".lstrip("."), path)
    if spec is None:  # a file that does not end in .py
        raise ImportError(f"{path.name} does not end in .py")
    module = importlib.util.module_from_spec(spec)
    module.__name__ = name
    linecache.checkcache(str(path))
    sys.modules[name] = module
    exec(code, module.__dict__)
    return module


def _import_dotted(component: str, module_name: str) -> ModuleType:
    with _author_errors(component, f"importing {module_name}", None):
        top = module_name.partition(".")[0]
        spec = importlib.util.find_spec(top)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            _packages.add(Path(folder))
        return importlib.import_module(module_name)


def _function_of(module: ModuleType, name: str) -> Callable[..., Any]:
    file = Path(module.__file__ or module.__name__).name
    if not hasattr(module, name):
        raise missing_function(file, (name,), sorted(_functions(module)))
    function = getattr(module, name)
    if not callable(function):
        raise InputError(
            f"{name!r} in {file} is of type {type(function).__name__}, expected a "
            f"function. Define {name} with `def`."
        )
    return function  # type: ignore[no-any-return]


def _functions(module: ModuleType) -> Iterator[str]:
    for name, value in vars(module).items():
        if inspect.isfunction(value) and value.__module__ == module.__name__:
            yield name


def _is_full_disk(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    # TensorFlow's own exception, by name, so that this module does not need TensorFlow.
    return type(error).__name__ == "ResourceExhaustedError" and "No space left" in str(error)


def _sentence(text: str) -> str:
    return text if text.endswith("?") else f"{text}."


def _quoted(text: str | None) -> str:
    return f": {text.strip()!r}" if text and text.strip() else ""

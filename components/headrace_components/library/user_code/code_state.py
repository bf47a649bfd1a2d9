"""A fingerprint of the author's code that a task will load. Standard library only."""

import ast
import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from headrace_components.contract.hooks import Params
from headrace_components.contract.task import local_path
from headrace_components.library.user_code.module_pack import is_packed, is_remote
from headrace_components.library.user_code.siblings import sibling_names


def code_state(params: Params, *functions: str) -> str | None:
    """Returns a fingerprint of the code that the parameters name but do not contain.

    For a module file this includes the files beside it that it imports; for a dotted path, every
    Python file of its top-level package. Their imports from other packages are not included, and
    nothing is executed.

    Args:
        params: Parameters of the task. `module_file` is a path, a URI or a packed module.
        functions: Names of the parameters that take a dotted path.

    Returns:
        A digest; "" if the parameters contain all the code; None if only a run can read it, because
        the code is at a URI or was not found.
    """
    digest = hashlib.sha256()
    module_file = params.get("module_file", "")
    names = [params[name] for name in functions if params.get(name)]
    if not names and (not module_file or is_packed(module_file)):
        return ""
    for files in (*map(_files_of_function, names), _files_of_module(module_file)):
        if files is None:
            return None
        folder = os.path.commonpath([file.parent for file in files]) if files else ""
        for file in files:
            content = file.read_bytes()
            digest.update(f"{os.path.relpath(file, folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def state_of_code(*functions: str) -> Callable[[Params], str | None]:
    """Returns the hook `environment_state` of a component that loads an author's code.

    Args:
        functions: Names of the parameters that take a dotted path, besides `module_file`.
    """
    return lambda params: code_state(params, *functions)


def _files_of_module(module_file: str) -> Sequence[Path] | None:
    if not module_file or is_packed(module_file):
        return ()
    if is_remote(module_file) or not local_path(module_file).is_file():
        return None
    return with_siblings(local_path(module_file).resolve())


def _files_of_function(dotted: str) -> Sequence[Path] | None:
    package = dotted.partition(".")[0]
    spec = _found(package) if package.isidentifier() else None
    if spec is None:
        return None
    if spec.submodule_search_locations is not None:
        folders = [Path(folder).resolve() for folder in spec.submodule_search_locations]
        return sorted(file for folder in folders for file in folder.rglob("*.py")) or None
    file = Path(spec.origin or "").resolve()
    return with_siblings(file) if file.is_file() else None


def _found(name: str) -> ModuleSpec | None:
    # Search like the process of the task, where the working directory comes first. A package that
    # is not on the path is an editable installation, which has its own finder.
    spec = PathFinder.find_spec(name, [str(Path.cwd()), *sys.path])
    if spec is None:
        module = sys.modules.get(name)
        spec = module.__spec__ if module else importlib.util.find_spec(name)
    return spec


def with_siblings(module: Path) -> Sequence[Path]:
    """Returns a module's file, and the files beside it that it imports directly or indirectly."""
    found = set[Path]()
    pending = [module]
    while pending:
        file = pending.pop()
        if file not in found and file.is_file():
            found.add(file)
            pending += [file.with_name(f"{name}.py") for name in _imported(file)]
    return sorted(found)


def _imported(file: Path) -> set[str]:
    try:
        return sibling_names(ast.parse(file.read_bytes()))
    except (SyntaxError, ValueError):  # compiled, or the run reports it
        return set()

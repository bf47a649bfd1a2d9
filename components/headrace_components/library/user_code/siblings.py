"""Finds a module's imports, and the files beside it that they may mean. Standard library only."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from headrace_tfx.finder import sibling_names as siblings_of_tfx


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """A module that a statement imports.

    Attributes:
        line: Line of the statement.
        module: Its dotted name, without leading dots. For a name below `tfx` that means a file
            beside the module, the plain name of that file.
        names: The imported names, which may also be modules; `*` for all.
        level: Number of leading dots.
        may_fail: Whether the module can run without it: the statement is in a `try` or an `if`.
    """

    line: int
    module: str
    names: tuple[str, ...] = ()
    level: int = 0
    may_fail: bool = False


def imports_of(tree: ast.AST) -> Iterator[Import]:
    """Yields the imports of a parsed module, also those in functions."""
    yield from _imports(tree, may_fail=False)


def _imports(node: ast.AST, *, may_fail: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            for module in _files_of(alias.name):
                yield Import(line=node.lineno, module=module, may_fail=may_fail)
    elif isinstance(node, ast.ImportFrom):
        names = tuple(alias.name for alias in node.names)
        module = node.module or ""
        if not node.level and module.split(".")[0] == "tfx":
            for whole in (module, *(f"{module}.{name}" for name in names)):
                for each in _files_of(whole):
                    yield Import(line=node.lineno, module=each, may_fail=True)
        else:
            yield Import(
                line=node.lineno, module=module, names=names, level=node.level, may_fail=may_fail
            )
    elif isinstance(node, ast.Call) and _called(node.func) in ("import_module", "__import__"):
        # A name that is put together at run time is not found.
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and _is_absolute(first.value):
            yield Import(line=node.lineno, module=str(first.value), may_fail=True)
    inner = may_fail or isinstance(node, (ast.Try, ast.If))
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, may_fail=inner)


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_absolute(name: object) -> bool:
    return isinstance(name, str) and all(part.isidentifier() for part in name.split("."))


def sibling_names(tree: ast.AST) -> set[str]:
    """Returns the names of files, without suffix, that a module imports if they are beside it.

    Args:
        tree: The parsed module. Its relative imports are ignored, because only a package has them.
    """
    return {each.module.partition(".")[0] for each in imports_of(tree) if not each.level}


def _files_of(module: str) -> tuple[str, ...]:
    return siblings_of_tfx(module) if module.startswith("tfx.") else (module,)

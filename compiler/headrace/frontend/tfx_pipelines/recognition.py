"""Tells a file that builds a TFX pipeline from one with a kfp pipeline, before it is executed.

The two are executed under different names: a TFX file as `__main__`, as its runner calls expect.
"""

import ast
from collections.abc import Iterator
from pathlib import Path


def builds_tfx_pipeline(path: Path) -> bool:
    """Returns whether a file imports `tfx`, itself or through files of its project.

    A file with a function that is decorated as a kfp pipeline does not count, whatever it imports.
    Neither does one that Python cannot parse; executing it shows the error.

    Args:
        path: The author's file.
    """
    tree = _parsed(path)
    if tree is None or _has_kfp_pipeline(tree):
        return False
    return _imports_tfx(tree, path.parent, path, seen={path})


def _imports_tfx(tree: ast.AST, directory: Path, path: Path, seen: set[Path]) -> bool:
    modules = list(_imported(tree, path, directory))
    if any(name.partition(".")[0] == "tfx" for name in modules):
        return True
    for file in (file for name in modules for file in _files(name, directory)):
        if file not in seen:
            seen.add(file)
            found = _parsed(file)
            if found is not None and _imports_tfx(found, directory, file, seen):
                return True
    return False


def _parsed(path: Path) -> ast.AST | None:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None


def _has_kfp_pipeline(tree: ast.AST) -> bool:
    return any(
        _last_name(decorator.func if isinstance(decorator, ast.Call) else decorator) == "pipeline"
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for decorator in node.decorator_list
    )


def _last_name(expression: ast.expr) -> str:
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


def _imported(tree: ast.AST, path: Path, directory: Path) -> Iterator[str]:
    """Yields the full names of modules that a file imports, and of names that may be modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                start = ".".join([*_package(path, directory, node.level), *filter(None, [start])])
            yield start
            yield from (f"{start}.{alias.name}".lstrip(".") for alias in node.names)


def _package(path: Path, directory: Path, level: int) -> tuple[str, ...]:
    parts = path.relative_to(directory).parts
    return parts[: max(len(parts) - level, 0)]


def _files(name: str, directory: Path) -> Iterator[Path]:
    """Yields the files of a project that importing a module executes."""
    place = directory
    for part in filter(None, name.split(".")):
        place = place / part
        for file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
            if file.is_file():
                yield file

"""Which files beside a module its imports may mean. Standard library only."""

import ast

from headrace_components.user_code.tfx_shim.surface import sibling


def sibling_names(tree: ast.AST) -> set[str]:
    """Returns names of files, without suffix, that a module imports if they lie beside it.

    Args:
        tree: The parsed module. Its relative imports, which only a package has, count for nothing.
    """
    names = set[str]()
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            names.update(_file_of(alias.name) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            module = statement.module or ""
            names.add(_file_of(module))
            names.update(_file_of(f"{module}.{alias.name}") for alias in statement.names)
    return names - {""}


def _file_of(module: str) -> str:
    return sibling(module) if module.startswith("tfx.") else module.partition(".")[0]

"""The text of statements, as a cache key has it."""

import ast

from headrace.targets.local.cache.reach.names import bound_names

_IMPORTS = (ast.Import, ast.ImportFrom)
_BLOCKS = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.Match)
_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def label_of(statement: ast.stmt) -> str:
    """Returns what people call a statement."""
    if isinstance(statement, _IMPORTS):
        return "imports"
    names = [statement.name] if isinstance(statement, _DOCUMENTED) else []
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        names = sorted(set(bound_names(statement)))
    return ", ".join(names) or "code that runs on import"


def without_docstrings(tree: ast.Module) -> ast.Module:
    """Returns a module after its docstrings were removed from it."""
    for node in ast.walk(tree):
        if isinstance(node, (*_DOCUMENTED, ast.Module)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return tree


def text_of(statement: ast.stmt, source: str) -> str:
    """Returns the text that stands for a statement, without comments and layout."""
    lines = source.splitlines()
    text = [ast.dump(statement)]
    for node in ast.walk(statement):
        if not isinstance(node, (ast.stmt, ast.Lambda)) or isinstance(
            node, (*_BLOCKS, *_DOCUMENTED)
        ):
            continue
        if any(isinstance(each, ast.Lambda) for each in ast.walk(node)):
            # TensorFlow reads the lines of a lambda, and needs it alone there.
            text += [each.strip() for each in lines[node.lineno - 1 : node.end_lineno]]
    return "\n".join(text)

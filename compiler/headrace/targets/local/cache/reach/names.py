"""The names in a piece of code."""

import ast
import re
from collections.abc import Iterator

_NAME = re.compile(r"[^\W\d]\w*")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_GETTERS = frozenset({"attrgetter", "getattr", "methodcaller"})
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def dotted(node: ast.expr) -> list[str] | None:
    """Returns the names of `a.b.c`; None for another expression."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return None if base is None else [*base, node.attr]
    return None


def names_at_top(statement: ast.stmt) -> set[str]:
    """Returns the names of the module that a statement at its top may bind."""
    if isinstance(statement, _DEFINITIONS):
        return {statement.name}
    targets: list[ast.AST] = [statement]
    if isinstance(statement, ast.Assign):
        targets = list(statement.targets)
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return {name for target in targets for name in bound_names(target)}


def bound_names(tree: ast.AST) -> Iterator[str]:
    """Yields the names that a statement gives a meaning, as often as it does, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, _DEFINITIONS):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield (alias.asname or alias.name).partition(".")[0]
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest


def chains_in(node: ast.AST) -> Iterator[list[str]]:
    """Yields the names in code, with the attributes behind them: `a` and `a.b.c`."""
    found = dotted(node) if isinstance(node, ast.expr) else None
    if found is not None:
        yield found
        return
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        yield from ([name] for name in node.names)
    for child in ast.iter_child_nodes(node):
        yield from chains_in(child)


def names_in_texts(node: ast.AST) -> Iterator[str]:
    """Yields all words in texts: they may be names, as in "Config" or "dict[str, 'Config']"."""
    for text in _texts(node):
        yield from _NAME.findall(text)


def dotted_texts(node: ast.AST) -> Iterator[str]:
    """Yields the texts that are a name or a dotted name, such as "models.features.cross"."""
    for text in _texts(node):
        if _DOTTED.fullmatch(text):
            yield text


def attributes_in(node: ast.AST) -> Iterator[str]:
    """Yields the names of attributes in code, also those that `getattr` takes as a text."""
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute):
            yield each.attr
        elif isinstance(each, ast.Call):
            function = dotted(each.func)
            if function is not None and function[-1] in _GETTERS:
                for argument in each.args:
                    for text in _texts(argument):
                        yield from text.split(".")


def _texts(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value

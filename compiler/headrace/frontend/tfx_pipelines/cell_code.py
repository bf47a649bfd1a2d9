"""The code of a function or class that is written in cells of a notebook, as a file.

The file has the statements of the executed cells that the function needs: its own, and those that
define the names in it, and so on. So a task runs what the author sees, without the rest of the
notebook.
"""

import ast
import builtins
import symtable
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_NAME = "cells.py"

# Files that were written, by their text.
_files: dict[str, Path] = {}


def cell_file(name: str) -> Path | None:
    """Writes a file with the code of a name that a notebook defines.

    Args:
        name: A function or class of the notebook.

    Returns:
        The file; None outside of a notebook.

    Raises:
        NameError: No cell defines the name, or one that its code needs.
    """
    cells = _cells()
    if cells is None:
        return None
    text = needed_code(cells, name)
    if text not in _files:
        _files[text] = Path(tempfile.mkdtemp(prefix="headrace-cells-")) / _NAME
        _files[text].write_text(text, "utf-8")
    return _files[text]


def _cells() -> Sequence[str] | None:
    """Returns the cells that were executed, as Python."""
    shell = getattr(builtins, "get_ipython", lambda: None)()
    if shell is None:
        return None
    return [shell.input_transformer_manager.transform_cell(cell) for cell in shell.user_ns["In"]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Statement:
    """A statement at the top level of a cell.

    Attributes:
        text: The statement.
        defined: The names that it gives a value.
        used: The names of the notebook that it reads, at any depth.
    """

    text: str
    defined: frozenset[str]
    used: frozenset[str]


def needed_code(cells: Sequence[str], name: str) -> str:
    """Returns the statements that a name needs, in their order.

    Args:
        cells: The executed cells as Python; one that Python cannot parse was not executed.
        name: A function or class that one of them defines.

    Raises:
        NameError: No cell defines the name.
    """
    statements = [each for cell in cells for each in _statements(cell)]
    last = {key: number for number, each in enumerate(statements) for key in each.defined}
    if name not in last:
        raise NameError(f"no cell of the notebook defines {name}. Execute the cell that does")
    chosen: set[int] = set()
    pending = [name]
    while pending:
        number = last.get(pending.pop())
        if number is not None and number not in chosen:
            chosen.add(number)
            pending += sorted(statements[number].used)
    texts = [statements[number].text for number in sorted(chosen)]
    return "\n\n\n".join(texts) + "\n"


def _statements(cell: str) -> Iterator[_Statement]:
    try:
        tree = ast.parse(cell)
    except SyntaxError:
        return
    for node in tree.body:
        yield _Statement(
            text=_source(cell, node),
            defined=frozenset(_defined(node)),
            used=_used(_source(cell, node)),
        )


def _used(statement: str) -> frozenset[str]:
    """Returns the names of the notebook that a statement reads, not those of its own scopes."""
    try:
        table = symtable.symtable(statement, "<cell>", "exec")
    except SyntaxError:  # as `await`, which a notebook allows outside of functions
        return frozenset()
    names = {each.get_name() for each in table.get_symbols() if each.is_referenced()}
    pending = list(table.get_children())
    while pending:
        inner = pending.pop()
        names |= {each.get_name() for each in inner.get_symbols() if each.is_global()}
        pending += inner.get_children()
    return frozenset(names)


def _source(cell: str, node: ast.stmt) -> str:
    decorators: Sequence[ast.expr] = getattr(node, "decorator_list", ())
    first = min([node.lineno, *(each.lineno for each in decorators)])
    return "\n".join(cell.split("\n")[first - 1 : node.end_lineno])


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    else:
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                yield each.id

"""Makes a program of a notebook."""

import ast
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from headrace_tfx.notebooks.skip import NAME

# Magics of a whole cell whose code is Python, and is kept.
_KEPT_MAGICS = ("capture", "prun", "time", "timeit")
_EXPECTED = ("components", "_pipeline_name", "_pipeline_root", "_metadata_path")

_BEGINNING = '''"""The pipeline of {notebook}."""

from tfx import v1 as tfx

'''

_END = """
if __name__ == "__main__":
    tfx.orchestration.LocalDagRunner().run(
        tfx.dsl.Pipeline(
            pipeline_name=_pipeline_name,
            pipeline_root=_pipeline_root,
            components=components,
            enable_cache=True,
            metadata_connection_config=(
                tfx.orchestration.metadata.sqlite_metadata_connection_config(_metadata_path)
            ),
            beam_pipeline_args={beam_pipeline_args!r},
        )
    )
"""


def exported(
    notebook: Path, *, pipeline_name: str, pipeline_root: str, beam_pipeline_args: Sequence[str]
) -> str:
    """Returns the text of a program that runs the pipeline of a notebook.

    Lines that begin with `%` or `!` are left out, and so are cells with `%%skip_for_export`,
    `%%writefile`, `%%bash` and other magics whose text is not Python. The notebook may define
    `components`, `_pipeline_name`, `_pipeline_root` and `_metadata_path`. For a name that it does
    not define, the program has the nodes that `InteractiveContext.run` was called with, and what
    the context has.

    Args:
        notebook: The file.
        pipeline_name: Name of the context's pipeline.
        pipeline_root: Its root.
        beam_pipeline_args: Its options of Beam.

    Raises:
        ValueError: It is not a notebook of version 4, a cell is not Python, or there are neither
            `components` nor calls of `run`.
    """
    cells = [_python(source, notebook, index) for index, source in _code_cells(notebook)]
    text = "\n\n".join(cell for cell in cells if cell)
    module = ast.parse(text)
    known = _assigned(module)
    lines = []
    if "components" not in known:
        names = _nodes_run(module)
        if not names:
            raise ValueError(
                f"{notebook.name}: it has neither `components` nor a variable that `context.run` "
                "is called with, expected one of both. Write `components = [example_gen, ...]`."
            )
        lines.append(f"components = [{', '.join(names)}]")
    given = {
        "_pipeline_name": pipeline_name,
        "_pipeline_root": pipeline_root,
        "_metadata_path": str(Path(pipeline_root, "metadata.sqlite")),
    }
    lines += [f"{name} = {value!r}" for name, value in given.items() if name not in known]
    end = _END.format(beam_pipeline_args=list(beam_pipeline_args))
    head = _BEGINNING.format(notebook=notebook.name)
    return head + "\n".join([text, *(["", *lines] if lines else []), end])


def _code_cells(notebook: Path) -> Iterator[tuple[int, str]]:
    try:
        document = json.loads(notebook.read_text("utf-8"))
        cells = document["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{notebook}: it is not a notebook of version 4 ({type(error).__name__}: {error}). "
            "Save it with Jupyter first."
        ) from error
    for index, cell in enumerate(cells, start=1):
        if cell.get("cell_type") == "code":
            source = cell.get("source", "")
            yield index, source if isinstance(source, str) else "".join(source)


def _python(source: str, notebook: Path, index: int) -> str:
    """Returns the Python of a cell; empty if it has none."""
    first, _, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):
        magic = first[2:].split()[0] if first[2:].split() else ""
        if magic == NAME or magic not in _KEPT_MAGICS:
            return ""
        source = rest
    return _without_magics(source, notebook, index).strip("\n")


def _without_magics(source: str, notebook: Path, index: int) -> str:
    """Leaves out magics and commands of the shell.

    IPython makes calls of them first: a line that begins with `%` may also continue an expression.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    text = TransformerManager().transform_cell(source)
    try:
        module = ast.parse(text)
    except SyntaxError as error:
        raise ValueError(
            f"{notebook.name}: cell {index}, line {error.lineno}: {error.msg}. Correct the cell, "
            f"or begin it with %%{NAME}."
        ) from error
    lines = text.split("\n")
    for node in ast.walk(module):
        if _is_magic(node):
            first, last = node.lineno - 1, node.end_lineno or node.lineno  # type: ignore[attr-defined]
            indent = lines[first][: node.col_offset]  # type: ignore[attr-defined]
            # A block needs a statement.
            lines[first:last] = [f"{indent}pass" if indent else "", *[""] * (last - first - 1)]
    kept = "\n".join(lines)
    return "\n".join(line.rstrip() for line in kept.splitlines())


def _is_magic(node: ast.AST) -> bool:
    if not isinstance(node, ast.Expr | ast.Assign):
        return False
    return any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and isinstance(each.func.value, ast.Call)
        and isinstance(each.func.value.func, ast.Name)
        and each.func.value.func.id == "get_ipython"
        for each in ast.walk(node)
    )


def _assigned(module: ast.Module) -> set[str]:
    return {
        node.id
        for node in ast.walk(module)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _nodes_run(module: ast.Module) -> list[str]:
    """Returns the variables in calls `<context>.run(variable)`, each once."""
    contexts = {
        target.id
        for node in ast.walk(module)
        if isinstance(node, ast.Assign) and _is_context(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "run"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in contexts
    ]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    given: list[Any] = [
        call.args[0] if call.args else next((k.value for k in call.keywords), None)
        for call in calls
    ]
    return list(dict.fromkeys(each.id for each in given if isinstance(each, ast.Name)))


def _is_context(value: ast.AST) -> bool:
    if not isinstance(value, ast.Call):
        return False
    function = value.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "InteractiveContext"

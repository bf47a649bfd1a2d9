"""Describes an exception of the author's code in one line. Standard library only."""

import ast
import difflib
import re
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

from headrace_components.library.user_code import expressions

MAX_LINES = 10
MAX_CHARS = 1000
_MAX_KEYS = 50

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # Keras writes its reasons in bold
_FUNCTION_NODE = re.compile(r"^\{\{function_node [^}]*\}\} ")
# Dense tensors of TensorFlow have other class names when a graph is traced.
_SPARSE_ATTRIBUTE = re.compile(
    r"'\w*Tensor' object has no attribute '(?:indices|values|dense_shape)'"
)
_AUTOGRAPH_FILE = re.compile(r'^File "(.*)", line (\d+), in ')


def explained(error: BaseException) -> str:
    """Returns the message of an exception: at most `MAX_LINES` of its lines, joined to one.

    The places and node names that TensorFlow adds are left out. For a missing key, the existing
    keys are listed.
    """
    lines = [line.strip() for line in _COLOUR.sub("", str(error)).splitlines()]
    lines = [line for line in lines if line and not line.startswith("[[")]
    # TensorFlow wraps errors of a data pipeline, and writes the place before the message.
    ours = [line.partition("InputError: ")[2] for line in lines if "InputError: " in line]
    if ours:
        lines = ours[:1]
    elif lines and lines[0].startswith("Graph execution error"):
        lines = lines[-1:]
    elif lines and lines[0] == "in user code:":
        lines = _after_autograph(lines)
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], "[...]"]
    text = _FUNCTION_NODE.sub("", " ".join(lines)) or "no message"
    text = text.removeprefix(f"{type(error).__name__}: ")  # quoted by AutoGraph
    if len(text) > MAX_CHARS:
        text = text[:MAX_CHARS] + "..."
    # AutoGraph raises a new KeyError, with a message of several lines.
    for each in (error, error.__cause__, error.__context__):
        if isinstance(each, KeyError) and (known := _keys_there_are(each)):
            return text.rstrip(".") + known
    if isinstance(error, AttributeError) and (near := _near_attribute(error)):
        return f"{text.rstrip('.')}. Did you mean {near!r}?"
    return text.rstrip(".")


def quoted_places(error: BaseException) -> list[tuple[str, int]]:
    """Returns the files and lines that AutoGraph quotes, the innermost last; may be empty."""
    lines = [line.strip() for line in str(error).splitlines()]
    if not lines or lines[0] != "in user code:":
        return []
    found = [match for line in lines if (match := _AUTOGRAPH_FILE.match(line))]
    return [(match[1], int(match[2])) for match in found]


def advice(error: BaseException) -> str:
    """Returns advice for the author."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        name = error.name.partition(".")[0]
        return (
            f"Install the package in this environment, for example with `pip install {name}`. In a "
            "cluster the task's image must have it: docs/images.md says how to add a package. A "
            f"module of your own must be beside the module file: {name}.py."
        )
    if isinstance(error, AttributeError) and _SPARSE_ATTRIBUTE.search(str(error)):
        return (
            "The tensor is dense and not sparse: the schema gives its feature a shape, as "
            "schema_gen does where every row has the same number of values. Pass "
            "infer_feature_shape=False to schema_gen, or return a tensor as it is where it is not "
            "a tf.sparse.SparseTensor."
        )
    if isinstance(error, AttributeError) and _is_of_another_keras(error):
        return (
            "One is of Keras 3, as `import keras`, and the other of Keras 2, as `tf.keras`. Take "
            "both from one of them; docs/from-tfx.md#keras has more."
        )
    return "Correct the code there; the log has the full traceback."


def _is_of_another_keras(error: AttributeError) -> bool:
    """Returns whether code of one Keras asked an object of the other one for an attribute."""
    asked = type(getattr(error, "obj", None)).__module__
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    asking = str(frames[-1].f_globals.get("__name__", "")) if frames else ""
    return {name.partition(".")[0] for name in (asked, asking)} == {"keras", "tf_keras"}


def _after_autograph(lines: list[str]) -> list[str]:
    """Returns the text after the last line of code that AutoGraph quotes."""
    quoted = [at for at, line in enumerate(lines) if _AUTOGRAPH_FILE.match(line)]
    rest = lines[quoted[-1] + 2 :] if quoted else lines[1:]
    return rest or lines[-1:]


def _keys_there_are(error: KeyError) -> str:
    key = error.args[0] if error.args else None
    if not isinstance(key, str):
        return ""
    if key.startswith("KeyError: "):  # AutoGraph's own; its argument is the first one's text
        key = key.removeprefix("KeyError: ").strip("'\"")
    frames = list(traceback.walk_tb(error.__traceback__))
    summaries = traceback.extract_tb(error.__traceback__)
    for (frame, _), summary in zip(reversed(frames), reversed(summaries), strict=True):
        expression = expressions.raising(summary)
        owner = _asked(expression) if expression is not None else None
        if owner is None:
            continue
        names = _names(expressions.value_of(owner, frame))
        if names and key not in names:
            return _listed(key, names)
    return ""


def _near_attribute(error: AttributeError) -> str:
    """Returns the attribute with the most similar name, or ""."""
    if not error.name or error.obj is None:
        return ""
    try:
        names = [name for name in dir(error.obj) if not name.startswith("_")]
    except Exception:  # the author's object may return anything
        return ""
    return next(iter(difflib.get_close_matches(error.name, names, n=1)), "")


def _listed(key: str, names: list[str]) -> str:
    near = difflib.get_close_matches(key, names, n=1)
    shown = f"{names[:_MAX_KEYS]}" + (" and more" if len(names) > _MAX_KEYS else "")
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f", which is not among {shown}{'.' + hint if hint else ''}"


def _asked(expression: ast.expr) -> ast.expr | None:
    """Returns the key in `owner[key]` or `owner.pop(key)`."""
    if isinstance(expression, ast.Subscript):
        return expression.value
    if not isinstance(expression, ast.Call) or not isinstance(expression.func, ast.Attribute):
        return None
    method: ast.expr = expression.func
    if expression.func.attr == "converted_call" and expression.args:  # the form after AutoGraph
        method = expression.args[0]
    is_known = isinstance(method, ast.Attribute) and method.attr in ("pop", "column")
    return method.value if is_known else None  # type: ignore[attr-defined]


def _names(owner: Any) -> list[str]:
    """Returns the keys of a mapping, or the columns of a table."""
    names: Iterable[Any] = ()
    if isinstance(owner, Mapping):
        names = owner
    elif isinstance(getattr(owner, "column_names", None), list):  # an Arrow table
        names = owner.column_names
    elif hasattr(owner, "columns") and not callable(owner.columns):  # a pandas table
        names = owner.columns
    try:
        return sorted(name for name in names if isinstance(name, str))
    except TypeError:
        return []

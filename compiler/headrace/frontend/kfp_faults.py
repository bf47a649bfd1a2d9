"""Explains errors that kfp raises from its own code while it compiles, without the author's line.

kfp compiles a pipeline function when its decorator is called, after the function has run. So the
traceback ends in the decorator, and the message is about kfp's internals. The author's line is
found in the function's source.
"""

import ast
import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
_Calls = Callable[[Function], Iterator[ast.Call]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """An error of kfp and its meaning.

    Attributes:
        words: A pattern of its message.
        function: Name of kfp's function that raised it, if other functions raise the same; "" for
            any.
        meaning: The code that the author wrote, and the code to write instead.
        calls: Yields the calls in the pipeline function that may be meant, the likeliest first.
    """

    words: re.Pattern[str]
    function: str = ""
    meaning: str
    calls: _Calls


def _called(function: Function, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            called = node.func
            found = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if found == name:
                yield node


def _loops(function: Function) -> Iterator[ast.Call]:
    yield from _called(function, "ParallelFor")


def _loops_over_values(function: Function) -> Iterator[ast.Call]:
    """Yields loops over a written list that has more than constants in it."""
    for loop in _loops(function):
        items = [*loop.args, *(each.value for each in loop.keywords if each.arg == "items")][:1]
        if items and isinstance(items[0], (ast.List, ast.Tuple, ast.ListComp)):
            inside = ast.walk(items[0])
            if any(isinstance(node, (ast.Name, ast.Attribute, ast.Call)) for node in inside):
                yield loop
    yield from _loops(function)


def _inner_loops(function: Function) -> Iterator[ast.Call]:
    """Yields loops that stand within a loop, the innermost last."""
    for outer in ast.walk(function):
        if isinstance(outer, ast.With) and any(
            loop in ast.walk(item.context_expr) for item in outer.items for loop in _loops(function)
        ):
            for line in outer.body:
                for node in ast.walk(line):
                    if isinstance(node, ast.Call) and node in list(_loops(function)):
                        yield node
    yield from _loops(function)


def _waits_for_loops(function: Function) -> Iterator[ast.Call]:
    """Yields `.after(task)` for tasks made in a loop, and then all others."""
    made = {
        target.id
        for block in ast.walk(function)
        if isinstance(block, ast.With)
        and any(list(_calls_in(item.context_expr, "ParallelFor")) for item in block.items)
        for line in ast.walk(block)
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name)
    }
    waits = list(_called(function, "after"))
    for wait in waits:
        if any(isinstance(each, ast.Name) and each.id in made for each in wait.args):
            yield wait
    yield from waits


def _conditions(function: Function) -> Iterator[ast.Call]:
    for name in ("If", "Elif", "Condition"):
        yield from _called(function, name)


def _holding(is_meant: Callable[[ast.expr | None], bool], *, keys: bool = False) -> _Calls:
    """Returns a finder of calls with a literal list or dict that contains a certain expression."""

    def calls(function: Function) -> Iterator[ast.Call]:
        for call in ast.walk(function):
            if isinstance(call, ast.Call):
                parts: list[ast.expr | None] = []
                for node in ast.walk(call):
                    if isinstance(node, ast.Dict):
                        parts += node.keys if keys else node.values
                    if isinstance(node, (ast.List, ast.Tuple)) and not keys:
                        parts += node.elts
                if any(is_meant(part) for part in parts):
                    yield call

    return calls


def _is_none(part: ast.expr | None) -> bool:
    return isinstance(part, ast.Constant) and part.value is None


def _is_tuple(part: ast.expr | None) -> bool:
    return isinstance(part, ast.Tuple)


def _is_no_text(part: ast.expr | None) -> bool:
    is_text = isinstance(part, ast.JoinedStr) or (
        isinstance(part, ast.Constant) and isinstance(part.value, str)
    )
    return part is not None and not is_text


def _calls_in(expression: ast.expr, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == name:
            yield node


_FAULTS = (
    Fault(
        words=re.compile(r"Pipeline\w*Channel is not (?:JSON serializable|a parameter type)"),
        meaning=(
            "a list that dsl.ParallelFor loops over is written in the pipeline and holds a "
            "parameter or an output, but kfp takes constants only in such a list. Loop over a "
            "parameter of the pipeline that is a list, or have a task make the list."
        ),
        calls=_loops_over_values,
    ),
    Fault(
        words=re.compile(r"'NoneType' object has no attribute 'name'"),
        meaning=(
            "`.after()` names a task inside a dsl.ParallelFor, where this version of kfp cannot "
            "compile it. Put the loop into its own @dsl.pipeline and wait for that, or "
            "install kfp 2.17."
        ),
        calls=_waits_for_loops,
    ),
    Fault(
        words=re.compile(r"component_input_parameter: pipelinechannel--\S*loop-item\S* not found"),
        meaning=(
            "the item of a loop is used inside another `with`, where kfp loses it. Put what is "
            "inside the loop into a @dsl.pipeline of its own, which takes the item as a parameter."
        ),
        calls=_inner_loops,
    ),
    Fault(
        words=re.compile(r"^ in _single_binary_operation_to_cel_condition$"),
        meaning=(
            "a condition compares an artifact, a list or a dict. Compare a string, a number or a "
            "bool: have a component return it."
        ),
        calls=_conditions,
    ),
    Fault(
        words=re.compile(r"must be one of the following types.* of type \"<class 'NoneType'>\""),
        meaning=(
            "a list or dict that a task gets holds None, which kfp does not compile. Leave the key "
            "out, or write another value for it."
        ),
        calls=_holding(_is_none),
    ),
    Fault(
        words=re.compile(r"must be one of the following types.* of type \"<class 'tuple'>\""),
        meaning=(
            "a list or dict that a task gets holds a tuple, which kfp does not compile. Write a "
            "list in its place."
        ),
        calls=_holding(_is_tuple),
    ),
    Fault(
        words=re.compile(r"bad argument type for built-in operation"),
        function="to_protobuf_value",
        meaning=(
            "a dict that a task gets has a key that is not a string. Write the key in quotes, and "
            'a parameter in a key as an f-string: {f"{name}": 1}.'
        ),
        calls=_holding(_is_no_text, keys=True),
    ),
)


def explained(error: Exception) -> str | None:
    """Returns the meaning of an error of kfp, or None if it is not known here."""
    fault = _fault(error)
    return None if fault is None else fault.meaning


def author_line(error: Exception, path: Path, line: int) -> int:
    """Returns the line of the author's file that an error of kfp is about.

    Args:
        error: The error that kfp raised.
        path: The author's file.
        line: Where the traceback is in it: a decorator of the pipeline function.
    """
    fault = _fault(error)
    if fault is None:
        return line
    try:
        module = ast.parse(path.read_text("utf-8-sig"))
    except (OSError, ValueError):
        return line
    for function in ast.walk(module):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            begins = min([function.lineno, *(each.lineno for each in function.decorator_list)])
            if begins <= line <= function.lineno:
                return next((call.lineno for call in fault.calls(function)), line)
    return line


def _fault(error: Exception) -> Fault | None:
    frames = traceback.extract_tb(error.__traceback__)
    raised = [frame for frame in frames if "json" not in Path(frame.filename).parts]
    if not raised or "kfp" not in Path(raised[-1].filename).parts:
        return None  # of the author's own code
    function = frames[-1].name
    text = str(error) or f" in {function}"
    for fault in _FAULTS:
        if fault.words.search(text) and fault.function in ("", function):
            return fault
    return None

"""Turns an error in an author's pipeline file into one line with its file and line number."""

import re
import sys
import traceback
from pathlib import Path
from typing import Any

import headrace_components
import headrace_tfx
from headrace.errors import CompileError
from headrace.frontend.kfp_faults import author_line, explained
from headrace.frontend.suggestions import arguments_asked, did_you_mean, outputs_asked
from headrace_components.contract.errors import InputError
from headrace_components.contract.texts import one_line

# The folders of Headrace itself, which may be below the author's.
_TFX = Path(headrace_tfx.__file__).parent
_OURS = (Path(__file__).parents[1], Path(headrace_components.__file__).parent, _TFX)

# Texts of kfp's own messages, and what to do about them.
_ADVICE = (
    (
        "PipelineTask object at",
        "A task was passed on whole: name one output, as in task.outputs[].",
    ),
    ("Got: None of type", "Leave the argument out: kfp takes no None."),
    ("Task is missing from pipeline", "Call at least one component in the function."),
    ("Missing type annotation", "Give each parameter of the pipeline a type, as in `rows: int`."),
    ("Illegal task dependency", "Use the output inside the same `with`, or join with dsl.OneOf."),
    ("has no attribute 'left_operand'", "Compare it, as in `dsl.If(flag == True)`."),
    ("AssertionError: None", "kfp cannot compare with None: give the parameter a default instead."),
    (
        "Conditional requires primitive",
        "Compare a string, a number or a bool: have a component return it.",
    ),
    (  # an artifact, whose type cannot be compared
        "AssertionError: Types: {",
        "Compare a string, a number or a bool: have a component return it.",
    ),
    (  # in Python's words: an operator, an index, a loop or a conversion
        "PipelineParameterChannel'",
        "A parameter or an output has no value while the pipeline is read: have a component "
        "compute it.",
    ),
    (
        "PipelineParameterChannel is not JSON serializable",
        "A parameter or an output has no value while the pipeline is read: pass the list or dict "
        "itself, or have a component write the JSON.",
    ),
    (  # kubeflow/pipelines#10111
        "bad argument type for built-in operation",
        "kfp takes constants only here, as in set_env_variable: pass the parameter as an input.",
    ),
)

_PARAMETER_TYPES = ("str", "int", "float", "bool", "list", "dict")


def author_error(error: Exception, directory: Path) -> CompileError | None:
    """Returns `error` as a message for the author, or None if no line of the author is involved.

    Args:
        error: The error that importing the pipeline file raised.
        directory: The directory of the author's file and the files beside it.
    """
    if isinstance(error, SyntaxError):
        name = _short(Path(error.filename or "?"), directory)
        line = (error.text or "").strip()
        return CompileError(f"{name}:{error.lineno}: {error.msg}: {line!r}. Correct the line.")
    where = _last_line_in(error, directory)
    if where is None:
        return None
    return CompileError(f"{where}: {described(error)}")


def _last_line_in(error: Exception, directory: Path) -> str | None:
    lines = [
        (Path(frame.filename), frame.lineno or 0)
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    frames = [
        (path, line)
        for path, line in lines
        if path.is_relative_to(directory) and "site-packages" not in path.parts
        if not any(path.is_relative_to(ours) for ours in _OURS)
    ]
    if not frames:
        return None
    path, line = frames[-1]
    return f"{_short(path, directory)}:{author_line(error, path, line)}"


def _short(path: Path, directory: Path) -> str:
    return str(path.relative_to(directory)) if path.is_relative_to(directory) else str(path)


def described(error: Exception) -> str:
    """Returns what an error of kfp or of the author's code means, without its place."""
    if isinstance(error, InputError) or _is_of_tfx(error):
        # Python puts the text of a KeyError in quotation marks.
        return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if meaning := explained(error):
        return meaning
    if isinstance(error, ModuleNotFoundError):
        return (
            f"no module named {error.name!r}. Install it in this environment, or put it beside "
            "the pipeline file."
        )
    if type(error).__name__ == "InconsistentTypeException":
        mismatch = _mismatch(error)
        if mismatch is not None:
            return mismatch
    unknown = re.search(r"Artifacts must have both .* Got: (.*)", str(error))
    if isinstance(error, TypeError) and unknown and unknown[1] in _PARAMETER_TYPES:
        return (
            f"kfp does not read a type in quotes, {unknown[1]!r}. Write it without quotes, and "
            "remove `from __future__ import annotations`, which puts all types into quotes."
        )
    if isinstance(error, TypeError) and unknown:
        return (
            f"kfp takes the type {unknown[1]!r} for an artifact. Parameters are str, int, float, "
            "bool, list or dict, without brackets; artifacts are dsl.Input[...]."
        )
    if isinstance(error, KeyError) and (outputs := outputs_asked(error)) is not None:
        name = str(error.args[0])
        has = f"; it has {outputs}" if outputs else ""
        advice = did_you_mean(name, outputs) or (
            "Name one that its component declares as `dsl.Output`; its docstring lists them."
        )
        return f"the task has no output {name!r}{has}. {advice}"
    if isinstance(error, TypeError) and (asked := arguments_asked(error)) is not None:
        name, inputs = asked
        advice = did_you_mean(name, inputs) or "Name one of those, or leave it out."
        return f"{str(error).rstrip('.')}; it has {inputs}. {advice}"
    if missing := re.search(r"cannot import name '(\w+)' from '([\w.]+)'", str(error)):
        near = did_you_mean(missing[1], dir(sys.modules.get(missing[2])))
        if near:
            return f"{missing[2]} has no {missing[1]!r}. {near}"
    kind = "kfp" if type(error).__module__.startswith("kfp.") else type(error).__name__
    message = f"{kind}: {one_line(error)}."
    advice = next((advice for words, advice in _ADVICE if words in message), "")
    return f"{message} {advice}".rstrip()


def _is_of_tfx(error: Exception) -> bool:
    """Returns whether `headrace_tfx` raised it, with a message for the author."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Path(last.filename).is_relative_to(_TFX)


def _mismatch(error: Exception) -> str | None:
    """Returns a type mismatch with both of its ports, or None if it does not concern two tasks.

    kfp's message names the input alone. The output is an argument of the function that raised it:
    `kfp.dsl.types.type_utils.verify_type_compatibility(given_value, expected_spec, ...)`.
    """
    from kfp.dsl.pipeline_channel import PipelineChannel

    consumer, port = "", ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        code, values = frame.f_code, frame.f_locals
        if code.co_name == "__init__" and "component_spec" in values and "args" in values:
            consumer = str(values["component_spec"].name).replace("-", "_")
            port = values.get("input_name", "")
        if code.co_name == "verify_type_compatibility":
            given, expected = values["given_value"], values["expected_spec"]
            if not port or not values.get("checks_input", True):
                return None
            origin = f"the value {given!r}"
            if isinstance(given, PipelineChannel):
                origin = f"{_origin(given)}, which is {_type_name(given.channel_type)}"
            wanted = _type_name(expected.type)
            if expected.is_artifact_list and isinstance(given, list):
                return (
                    f"{consumer}: input `{port}` takes a list of {wanted}, which kfp makes of a "
                    "loop's outputs alone, but gets a Python list. Make them in dsl.ParallelFor "
                    "and pass dsl.Collected(...), or give the component an input for each."
                )
            is_artifact = "@" in str(expected.type)
            advice = f"Connect an output of type {wanted}" if is_artifact else f"Pass a {wanted}"
            return (
                f"{consumer}: input `{port}` takes {wanted}, but gets {origin}. "
                f"{advice} to `{port}`."
            )
    return None


def _origin(channel: Any) -> str:
    if "loop-item-param" in channel.name:
        field = channel.name.rpartition("-subvar-")[2]
        return f"`{field}` of a loop's item, to whose fields kfp gives the type of the first one"
    if channel.task_name is None:
        return f"the pipeline's parameter `{channel.name}`"
    return f"output `{channel.name}` of task `{channel.task_name}`"


def _type_name(kfp_type: str) -> str:
    """Returns the class name of a type such as `system.DataSchema@0.0.1`: here `Schema`."""
    from headrace_components.artifacts import ARTIFACT_TYPES

    title = str(kfp_type).partition("@")[0]
    for artifact_type in ARTIFACT_TYPES:
        if artifact_type.schema_title == title:
            return str(artifact_type.__name__)
    return title.removeprefix("system.")

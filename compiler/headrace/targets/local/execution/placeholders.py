"""Fills the placeholders of a container's command line, environment and constants.

Source: `placeholders.py` of the KFP SDK, and the launcher (`launcher_v2.go`). The launcher replaces
in several rounds; here there is only one: a parameter whose value looks like a placeholder is kept
unchanged.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.ir import go_text
from headrace.targets.local.shared.rules import Rules
from headrace_components.contract.errors import InputError
from headrace_components.contract.task import local_path

_PLACEHOLDER = re.compile(r"\{\{\$(.*?)\}\}", re.DOTALL)
_QUOTED = r"\[(?:''|'|\\?\")(?P<key>.+?)(?:''|'|\\?\")\]"
_INPUT_PARAMETER = re.compile(r"\.inputs\.parameters" + _QUOTED)
_OUTPUT_PARAMETER = re.compile(r"\.outputs\.parameters" + _QUOTED + r"\.output_file")
_ARTIFACT = re.compile(
    r"\.(?P<side>inputs|outputs)\.artifacts"
    + _QUOTED
    + r"\.(?P<field>\w+)(?:"
    + _QUOTED.replace("key", "item")
    + ")?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The values of placeholders in one task.

    Attributes:
        task: Path of the task, for error messages.
        pipeline: Values of `{{$.pipeline_...}}` by name, such as `pipeline_job_name`.
        message: The task's `ExecutorInput` as JSON data; of a constant only its inputs are known.
        rules: How a backend writes values; None for a component of Headrace.
        variables: Variables of the container.
    """

    task: str
    pipeline: Mapping[str, str]
    message: Mapping[str, Any] = field(default_factory=dict)
    rules: Rules | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def fill(text: str, context: Context, write: Callable[[Any], str] = go_text.text) -> str:
    """Returns the text with every placeholder replaced.

    Args:
        text: The text.
        context: The values that they stand for.
        write: Writes a value as text.

    Raises:
        InputError: A placeholder is unknown, or names an input that has no value.
    """
    return _PLACEHOLDER.sub(lambda match: write(_value(match, context)), text)


def fill_constant(value: Any, context: Context) -> Any:
    """Returns a constant with the placeholders in it replaced, at any depth.

    A string that is exactly one placeholder becomes the value itself, with its type. Text that only
    looks like a placeholder is kept: Kubeflow's driver replaces inputs and names of the run, and
    passes on the rest.

    Raises:
        InputError: A placeholder names an input that has no value.
    """
    if isinstance(value, Mapping):
        return {key: fill_constant(item, context) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_constant(item, context) for item in value]
    if not isinstance(value, str):
        return value
    whole = _PLACEHOLDER.fullmatch(value)
    if whole and value.count("{{$") == 1:
        return _value(whole, context) if _is_of_a_constant(whole, context) else value
    return _PLACEHOLDER.sub(
        lambda match: (
            go_text.text(_value(match, context)) if _is_of_a_constant(match, context) else match[0]
        ),
        value,
    )


def _is_of_a_constant(match: re.Match[str], context: Context) -> bool:
    body = match[1]
    return body.removeprefix(".") in context.pipeline or bool(_INPUT_PARAMETER.fullmatch(body))


def fill_arguments(arguments: Sequence[Any], context: Context) -> list[str]:
    """Returns a command line with placeholders replaced and IfPresent and Concat resolved."""
    filled: list[str] = []
    for argument in arguments:
        filled += _fill_argument(_structured(argument), context)
    return filled


def _structured(argument: Any) -> Any:
    # kfp writes IfPresent and Concat as JSON text in one element of the command line.
    if isinstance(argument, str) and argument.startswith(('{"IfPresent"', '{"Concat"')):
        return json.loads(argument)
    return argument


def _fill_argument(argument: Any, context: Context) -> list[str]:
    if not isinstance(argument, Mapping):
        text = str(argument)
        if context.rules is not None:
            text = context.rules.expanded(text, context.variables)
        # KFP's driver fills in arguments; those that name outputs it leaves to the launcher.
        if context.rules is None or "$.outputs" in text:
            return [fill(text, context)]
        return [fill(text, context, context.rules.argument_text)]
    if "Concat" in argument:
        parts = (_fill_argument(_structured(part), context) for part in argument["Concat"])
        return ["".join(text for part in parts for text in part)]
    choice = argument["IfPresent"]
    inputs = context.message.get("inputs", {})
    is_present = any(
        choice["InputName"] in inputs.get(kind, {}) for kind in ("parameterValues", "artifacts")
    )
    chosen = choice["Then"] if is_present else choice.get("Else", [])
    return fill_arguments(chosen if isinstance(chosen, list) else [chosen], context)


def _value(match: re.Match[str], context: Context) -> Any:
    body = match[1]
    if body == "":
        return _message(context)
    if body == ".json_escape[1]":
        return json.dumps(_message(context))[1:-1]
    if body == ".outputs.output_file":
        return context.message["outputs"]["outputFile"]
    if body.removeprefix(".") in context.pipeline:
        return context.pipeline[body.removeprefix(".")]
    readers: list[tuple[re.Pattern[str], Callable[[re.Match[str], Context], Any]]] = [
        (_INPUT_PARAMETER, _input_parameter),
        (_OUTPUT_PARAMETER, _output_file),
        (_ARTIFACT, _artifact_field),
    ]
    for pattern, read in readers:
        found = pattern.fullmatch(body)
        if found:
            return read(found, context)
    raise InputError(
        f"{context.task}: the placeholder {match[0]!r} is unknown to the local backend; of the "
        f"pipeline it knows {sorted(context.pipeline)}. Use one of those, or an input."
    )


def _message(context: Context) -> str:
    if context.rules is None:
        return json.dumps(context.message)
    return go_text.json_text(context.message, is_for_pages=False)


def _input_parameter(match: re.Match[str], context: Context) -> Any:
    values = context.message.get("inputs", {}).get("parameterValues", {})
    return _present(values, match["key"], "parameter", context)


def _output_file(match: re.Match[str], context: Context) -> Any:
    outputs = context.message.get("outputs", {}).get("parameters", {})
    return _present(outputs, match["key"], "output parameter", context)["outputFile"]


def _artifact_field(match: re.Match[str], context: Context) -> Any:
    artifacts = context.message.get(match["side"], {}).get("artifacts", {})
    several = _present(artifacts, match["key"], "artifact", context)["artifacts"]
    if not several:
        raise InputError(
            f"{context.task}: the command line uses the artifact `{match['key']}`, of which the "
            "list holds none. Read the list in the task, from the message that '{{$}}' stands for."
        )
    found = several[0]
    if match["item"] and match["field"] == "metadata":
        return found.get("metadata", {}).get(match["item"], "")
    if match["field"] == "path" and not match["item"]:
        return str(local_path(found["uri"]))
    if match["item"] or match["field"] not in ("uri", "name", "metadata"):
        raise InputError(
            f"{context.task}: artifacts have no `.{match['field']}`. Use `.path` or `.uri`."
        )
    return found.get(match["field"], {} if match["field"] == "metadata" else "")


def _present(values: Mapping[str, Any], key: str, kind: str, context: Context) -> Any:
    if key not in values:
        raise InputError(
            f"{context.task}: the command line uses {kind} `{key}`, which has no value; with one "
            f"are {sorted(values)}. Pass it, or wrap it in dsl.IfPresentPlaceholder."
        )
    return values[key]

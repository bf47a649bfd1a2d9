"""The parameters of a component of the author's own: their values, their types, their JSON text."""

import json
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.frontend.tfx_pipelines.plan import Code, Value
from headrace.frontend.tfx_pipelines.translation import Translation
from headrace_tfx.authoring.proto_types import is_message_type
from headrace_tfx.components.specs import JsonParameter
from headrace_tfx.running.exit_handlers import FinalStatusStr

_NAMES = ("str", "int", "float", "bool", "list", "dict")


def parameters(
    node: Any, translation: Translation, *, is_function: bool
) -> Iterator[tuple[str, Value]]:
    """Yields the names and values of a node's parameters.

    Raises:
        CompileError: A value is none that a pipeline carries.
    """
    declared = node.SPEC_CLASS.PARAMETERS
    for name, given in node.exec_properties.items():
        if isinstance(given, FinalStatusStr):
            continue  # the backend gives it
        kind = declared[name].type
        if is_message_type(kind) or hasattr(given, "DESCRIPTOR"):
            value = translation.value(given, name, dict)
            # TFX gives an executor the JSON text of a message, and a function the message.
            yield name, value if is_function or _refers(value) else json.dumps(value)
        elif hasattr(given, "to_json"):
            yield name, given.to_json()
        else:
            value = translation.value(given, name, with_none=True)
            is_fixed = not _refers(value)
            if _has_none(value) and not is_fixed:
                translation.value(given, name)  # raises: only text may hold None
            # kfp has no word for None in a list or dict; JSON text has.
            is_text = isinstance(declared[name], JsonParameter) or _has_none(value)
            yield name, json.dumps(value) if is_fixed and is_text else value


def _has_none(value: Value) -> bool:
    """Returns whether None is in a list or dict."""
    if not isinstance(value, (Mapping, list)):
        return False
    items = value.values() if isinstance(value, Mapping) else value
    return any(item is None or _has_none(item) for item in items)


def json_texts(node: Any, given: Mapping[str, Value]) -> Iterator[str]:
    """Yields parameters that are JSON text for the code, and none before a run."""
    for name, declared in node.SPEC_CLASS.PARAMETERS.items():
        if _is_json_text(declared) and isinstance(given.get(name), (Mapping, list)):
            yield name


def json_values(node: Any, given: Mapping[str, Value]) -> Iterator[str]:
    """Yields parameters that are JSON text before a run, and that the code gets as values."""
    for name, value in given.items():
        original = node.exec_properties.get(name)
        is_written = isinstance(original, (Mapping, list, tuple)) and isinstance(value, str)
        if is_written and not _is_json_text(node.SPEC_CLASS.PARAMETERS[name]):
            yield name


def _is_json_text(declared: Any) -> bool:
    """Returns whether TFX's executors get a parameter as JSON text."""
    return is_message_type(declared.type) or isinstance(declared, JsonParameter)


def _refers(value: Value) -> bool:
    """Returns whether a value is or has a reference, as to a parameter of the pipeline."""
    if isinstance(value, Mapping):
        return any(map(_refers, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_refers, value))
    return not (value is None or isinstance(value, (bool, int, float, str)))


def final_status(node: Any) -> dict[str, Value]:
    """Returns the types of the parameters that get the outcome of a run."""
    return {
        name: Code(text="dsl.PipelineTaskFinalStatus")
        for name, given in node.exec_properties.items()
        if isinstance(given, FinalStatusStr)
    }


def parameter_types(spec: Any, given: Mapping[str, Value]) -> dict[str, Value]:
    """Returns the types of a component's parameters, as expressions.

    Args:
        spec: The class of its specification.
        given: The values of the parameters that a node has.
    """
    found: dict[str, Value] = {}
    for name, each in spec.PARAMETERS.items():
        text = _parameter_type(each.type, given.get(name))
        if text:
            found[name] = optional(text, is_optional=each.optional)
    return found


def _parameter_type(kind: Any, given: Value) -> str:
    """Returns the type of a parameter; empty if neither its declaration nor its value says it."""
    if isinstance(given, (bool, int, float, str, list, tuple, Mapping)) and given is not None:
        plain = "list" if isinstance(given, tuple) else type(given).__name__
        is_number = kind is float and type(given) is int
        return "float" if is_number else plain if plain in _NAMES else "dict"
    origin = typing.get_origin(kind) or kind
    if is_message_type(kind):
        return "dict"
    name = getattr(origin, "__name__", "")
    return name if name in _NAMES else "str"


def optional(text: str, *, is_optional: bool) -> Code:
    """Returns the type of a port that may be left out, or that has to be there."""
    return Code(text=f"{text} | None" if is_optional else text)

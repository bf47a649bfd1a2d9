"""Parameters that are made of other values when a task begins, as `f"{root}/labelled"`.

kfp leaves the joining to the backend: its launcher pastes the text of the values into the JSON
message that it has already made, where a quote or a line end breaks it, and a number becomes text.
So the compiler writes such constants in a form that no launcher, Argo or Kubernetes replaces, and
the component fills them in, from values that came beside them with their types:

    input_base                            "@[[root]]/labelled"
    pipelinechannel--root                 "/data"
    pipelinechannel--headrace--templates  {"input_base": "STRING"}

The last says which parameters are templates, and of which type; all others are left alone, whatever
their text. In a template, `@[[NAME]]` is the value of the input `pipelinechannel--NAME`. Where it
is all of a text, the value comes with its type. Three names stand for texts that a backend would
replace: `@[[{]]` for an opening brace, `@[[$]]` for a dollar, `@[[@]]` for `@`. Standard library
only: the compiler writes, the components read.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from headrace_components.errors import InputError

INPUT_PREFIX = "pipelinechannel--"
"""How the inputs begin that kfp adds for values in f-strings, lists and dicts."""

TEMPLATES_INPUT = f"{INPUT_PREFIX}headrace--templates"
"""The input that says which parameters are templates: `ParameterType` by name."""

SETTING = "SETTING"
"""The type of an input that belongs to the container, as its memory, and not to the component."""

_REFERENCE = re.compile(r"@\[\[([^\[\]]+)\]\]")
_CHARACTERS = ("{", "$", "@")
# What a backend may replace: `{{`, `$(` and `$$`; what this module does: `@[[`.
_REPLACED = re.compile(r"\{(?=\{)|\$(?=[$(])|@(?=\[\[)")
_MAX_WHOLE = 1e21  # from here on a whole number is a measurement, not a count


def reference(name: str) -> str:
    """Returns what stands for the value of an input in a template.

    Args:
        name: Name of the input, as `pipelinechannel--root`.
    """
    return f"@[[{name.removeprefix(INPUT_PREFIX)}]]"


def literal(text: str) -> str:
    """Returns what stands for `text` itself in a template."""
    return _REPLACED.sub(lambda match: f"@[[{match[0]}]]", text)


def is_replaced(text: str) -> bool:
    """Tells a text that some backend would change on its way to the component."""
    return re.search(r"\{\{|\$[$(]", text) is not None


def fill(values: Mapping[str, Any], component: str) -> dict[str, Any]:
    """Returns parameter values with templates filled in, without the inputs that kfp added.

    Args:
        values: Parameter values of a message, by name.
        component: Name of the component, for error messages.

    Raises:
        InputError: A template names an input that has no value.
    """
    kinds = values.get(TEMPLATES_INPUT) or {}
    sources = {
        name.removeprefix(INPUT_PREFIX): value
        for name, value in values.items()
        if name.startswith(INPUT_PREFIX)
    }
    return {
        name: _filled_parameter(name, value, kinds[name], sources, component)
        if name in kinds
        else value
        for name, value in values.items()
        if not name.startswith(INPUT_PREFIX) and kinds.get(name) != SETTING
    }


def _filled_parameter(
    name: str, value: Any, kind: str, sources: Mapping[str, Any], component: str
) -> Any:
    filled = _filled(value, sources, f"{component}: parameter `{name}`")
    return to_text(filled) if kind == "STRING" else filled


def _filled(value: Any, sources: Mapping[str, Any], where: str) -> Any:
    if isinstance(value, Mapping):
        return {
            to_text(_filled(key, sources, where)): _filled(item, sources, where)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_filled(item, sources, where) for item in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _source(whole[1], sources, where)
    return _REFERENCE.sub(lambda match: to_text(_source(match[1], sources, where)), value)


def _source(name: str, sources: Mapping[str, Any], where: str) -> Any:
    if name in _CHARACTERS:
        return name
    if sources.get(name) is None:
        raise InputError(
            f"{where} is made with `{name}`, which has no value; with one are "
            f"{sorted(key for key in sources if not key.startswith('headrace--'))}. Pass it to "
            "the pipeline, or give it a default."
        )
    return sources[name]


def to_text(value: Any) -> str:
    """Returns the text form of a value, as KFP's launcher puts it into a command line.

    Example:
        >>> to_text(3.0), to_text(1e-7), to_text(True), to_text({"b": [1.5, 2.0], "a": "x"})
        ('3', '0.0000001', 'true', '{"a":"x","b":[1.5,2]}')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not value.is_integer():
        return format(Decimal(repr(value)), "f")
    return json.dumps(
        whole_numbers(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


def whole_numbers(value: Any) -> Any:
    """Returns JSON data with floats that are integers as such, at any depth.

    A pipeline's messages know one type of number, a double: the author's `{"units": 64}` arrives as
    64.0. An author's own 1.0 becomes 1 too, which Python's arithmetic does not tell apart.

    Example:
        >>> whole_numbers([1.0, {"a": 2.5}])
        [1, {'a': 2.5}]
    """
    if isinstance(value, Mapping):
        return {key: whole_numbers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [whole_numbers(item) for item in value]
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < _MAX_WHOLE
    return int(value) if is_whole else value

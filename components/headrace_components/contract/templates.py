"""Parameters that are made of other values when a task begins, such as `f"{root}/labelled"`.

kfp leaves the joining to the backend: its launcher pastes the text of the values into the JSON
message that it has already made. There a quotation mark or a line end breaks the message, and a
number becomes text. So the compiler writes such constants in a form that no launcher, Argo or
Kubernetes replaces, and the component fills them in, from values that came beside them with their
types:

    input_base                            "@[[root]]/labelled"
    pipelinechannel--root                 "/data"
    pipelinechannel--headrace--templates  {"input_base": "STRING"}

The last one says which parameters are templates, and of which type; all others are kept unchanged,
whatever their text is. In a template, `@[[NAME]]` is the value of the input
`pipelinechannel--NAME`. If it is the whole text, the value keeps its type. Three names stand for
texts that a backend would replace: `@[[{]]` for an opening brace, `@[[$]]` for a dollar sign,
`@[[@]]` for `@`. Standard library only: the compiler writes, the components read.
"""

import re
from collections.abc import Mapping
from typing import Any

from headrace_components.contract import filler
from headrace_components.contract.errors import InputError
from headrace_components.contract.filler import (
    INPUT_PREFIX,
    SETTING,
    TEMPLATES_INPUT,
    to_text,
    whole_numbers,
)

__all__ = [
    "INPUT_PREFIX",
    "SETTING",
    "TEMPLATES_INPUT",
    "fill",
    "is_replaced",
    "literal",
    "reference",
    "to_text",
    "whole_numbers",
]

# Texts that a backend may replace: `{{`, `$(` and `$$`; texts that `filler` replaces: `@[[`.
_REPLACED = re.compile(r"\{(?=\{)|\$(?=[$(])|@(?=\[\[)")


def reference(name: str) -> str:
    """Returns the reference to the value of an input in a template.

    Args:
        name: Name of the input, such as `pipelinechannel--root`.
    """
    return f"@[[{name.removeprefix(INPUT_PREFIX)}]]"


def literal(text: str) -> str:
    """Returns the form of `text` itself in a template."""
    return _REPLACED.sub(lambda match: f"@[[{match[0]}]]", text)


def is_replaced(text: str) -> bool:
    """Returns whether some backend would change a text on its way to the component."""
    return re.search(r"\{\{|\$[$(]", text) is not None


def fill(values: Mapping[str, Any], component: str) -> dict[str, Any]:
    """Returns parameter values with templates filled in, without the inputs that kfp added.

    Args:
        values: Parameter values of a message, by name.
        component: Name of the component, for error messages.

    Raises:
        InputError: A template names an input that has no value.
    """
    try:
        return filler.fill(values, component)
    except ValueError as error:
        raise InputError(str(error)) from error

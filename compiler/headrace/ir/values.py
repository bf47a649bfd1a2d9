"""Parameter values: their types, and the selectors that take them apart."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from headrace.ir import go_text
from headrace_components.contract.errors import InputError

_EXPECTED = {
    "STRING": "a string",
    "NUMBER_INTEGER": "an integer",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": "a list",
    "STRUCT": "an object",
}
_MAX_WHOLE = 1e21  # from here on a whole number is a measurement, not a count
_FLAGS: Mapping[str, bool] = {"true": True, "false": False, "True": True, "False": False}

# A step of a selector that reads text as JSON; the others are keys.
_PARSE = object()
_KEY = re.compile(r"\[(\"(?:[^\"\\]|\\.)*\"|'[^']*'|\d{1,18})\]\Z", re.DOTALL)


def coerce(value: Any, parameter_type: str | None, where: str) -> Any:
    """Returns the value as its declared type has it.

    Backends pass numbers and JSON through text and through protobuf's one number type, so `"3"`
    and `3.0` are both the integer 3, and a list may arrive as JSON text.

    Args:
        value: The given value. None stays None: an optional parameter without a value.
        parameter_type: `ParameterType` of the IR, such as `NUMBER_INTEGER`; None changes nothing.
        where: Task and parameter, for error messages.

    Raises:
        InputError: The value is not of that type.
    """
    if value is None or parameter_type not in _EXPECTED:
        return value
    if parameter_type == "STRING":
        return go_text.text(value)
    converted: Any = _number(value, parameter_type)
    if parameter_type == "BOOLEAN":
        converted = _FLAGS.get(value) if isinstance(value, str) else value
        converted = converted if isinstance(converted, bool) else None
    if parameter_type in ("LIST", "STRUCT"):
        converted = _parsed(value)
        wanted = list if parameter_type == "LIST" else dict
        converted = whole_numbers(converted) if isinstance(converted, wanted) else None
    if converted is None:
        raise InputError(
            f"{where} is {json.dumps(value)}, expected {_EXPECTED[parameter_type]}. "
            "Pass a value of that type."
        )
    return converted


def whole_numbers(value: Any) -> Any:
    """Returns JSON data with integers instead of whole floats, at any depth, except -0.0.

    Messages know one type of number, a double: the author's `{"units": 64}` arrives as 64.0.

    Not `filler.whole_numbers`, which is for components: -0.0 stays here because Kubeflow's launcher
    writes it as -0 into a command line. There it is 0, as Python reads -0 in Kubeflow's messages.
    """
    if isinstance(value, Mapping):
        return {key: whole_numbers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [whole_numbers(item) for item in value]
    if not isinstance(value, float) or not value.is_integer() or str(value) == "-0.0":
        return value
    return int(value) if abs(value) < _MAX_WHOLE else value


def _number(value: Any, parameter_type: str) -> int | float | None:
    if isinstance(value, bool) or parameter_type not in ("NUMBER_INTEGER", "NUMBER_DOUBLE"):
        return None
    try:
        # An integer beyond 2**53 must not take the way through a float.
        number = int(value) if isinstance(value, str) and _is_integer(value) else float(value)
    except (TypeError, ValueError):
        return None
    if parameter_type == "NUMBER_DOUBLE":
        return float(number)
    if isinstance(value, int):
        return value
    if isinstance(number, float) and not (math.isfinite(number) and number.is_integer()):
        return None
    return int(number)


def _is_integer(text: str) -> bool:
    return re.fullmatch(r"\s*[+-]?\d+\s*", text) is not None


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def select(value: Any, selector: str, where: str) -> Any:
    """Applies a `parameterExpressionSelector`, such as `parseJson(string_value)["key"]`.

    Args:
        value: The value to take apart; text is parsed as JSON by `parseJson`.
        selector: The expression. `parseJson` may be nested, and keys may follow each other.
        where: Task and parameter, for error messages.

    Raises:
        InputError: The expression is unknown, or the value does not have this key.

    Example:
        >>> select('{"a": {"b": 2}}', 'parseJson(parseJson(string_value)["a"])["b"]', "t: `x`")
        2
    """
    for key in selector_steps(selector, where):
        if key is _PARSE:
            parsed = _parsed(value)
            if parsed is None:
                raise InputError(
                    f"{where}: {value!r} is not JSON, but the pipeline takes a key from it. "
                    "Loop over dicts that all have this key."
                )
            value = parsed
            continue
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError) as error:
            raise InputError(
                f"{where}: {json.dumps(value)} has no {key!r}, which the pipeline takes from "
                "it. Give every item of the loop the same keys."
            ) from error
    return value


def selector_steps(selector: str, where: str) -> list[Any]:
    """Returns the steps of a `parameterExpressionSelector`: keys to take, and parsing.

    Raises:
        InputError: The expression is unknown.
    """
    steps: list[Any] = []
    expression = selector.strip()
    while expression != "string_value":
        key = _KEY.search(expression)
        if key:
            quoted = key[1]
            try:
                steps.append(quoted[1:-1] if quoted.startswith("'") else json.loads(quoted))
            except ValueError as error:
                raise _unknown_selector(selector, where) from error
            expression = expression[: key.start()].strip()
        elif expression.startswith("parseJson(") and expression.endswith(")"):
            steps.append(_PARSE)
            expression = expression[len("parseJson(") : -1].strip()
        else:
            raise _unknown_selector(selector, where)
    return steps[::-1]


def _unknown_selector(selector: str, where: str) -> InputError:
    return InputError(
        f"{where}: the selector {selector!r} is unknown; known is "
        '`parseJson(string_value)["key"]`. Compile the pipeline with kfp 2.13 to 2.17.'
    )

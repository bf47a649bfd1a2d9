"""Reads the text that a container wrote into the file of an output parameter, like KFP's launcher.

Source: `TextToPbValue` in `metadata/converter.go` of KFP 2.17. It reads numbers and flags by Go's
`strconv`, and lists and dicts by `protojson`. A string is taken unchanged, including line ends.
"""

import json
import math
import re
from typing import Any

from headrace.ir.values import whole_numbers
from headrace_components.contract.errors import InputError

# White space as Unicode has it, which `strings.TrimSpace` takes off. Python's `strip` takes more.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_INTEGER = re.compile(r"[+-]?[0-9]+")
_SPECIAL = re.compile(r"nan|[+-]?inf(inity)?", re.IGNORECASE)
_HEXADECIMAL = re.compile(r"[+-]?0x[0-9a-f]*\.?[0-9a-f]*p[+-]?[0-9]+", re.IGNORECASE)
_FLAGS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
_EXPECTED = {
    "NUMBER_INTEGER": "an integer in decimal digits, below 2^63",
    "NUMBER_DOUBLE": "a number, for example 1.5 or 1e-3",
    "BOOLEAN": f"one of {', '.join(_FLAGS)}",
    "LIST": "a list as JSON",
    "STRUCT": "an object as JSON, no key twice",
}


def from_text(text: str, parameter_type: str | None, where: str) -> Any:
    r"""Returns the value of an output parameter.

    Args:
        text: The content of its file.
        parameter_type: `ParameterType` of the IR, such as `NUMBER_INTEGER`.
        where: Task and parameter, for error messages.

    Raises:
        InputError: The text is not of that type.

    Example:
        >>> from_text(" 007\n", "NUMBER_INTEGER", ""), from_text("T", "BOOLEAN", "")
        (7, True)
    """
    if parameter_type not in _EXPECTED:
        return text
    try:
        return _read(text, parameter_type)
    except (KeyError, ValueError, RecursionError) as error:
        raise InputError(
            f"{where} is {text[:200]!r}, expected {_EXPECTED[parameter_type]}, which is what KFP's "
            "launcher reads. Write it so in the component."
        ) from error


def _read(text: str, parameter_type: str) -> Any:
    if parameter_type in ("LIST", "STRUCT"):
        value = json.loads(
            text,
            parse_int=_finite,
            parse_float=_finite,
            parse_constant=_finite,
            object_pairs_hook=_object,
        )
        if not isinstance(value, list if parameter_type == "LIST" else dict):
            raise ValueError("another type")
        return whole_numbers(value)
    text = text.strip(_SPACE)
    if parameter_type == "BOOLEAN":
        return _FLAGS[text]
    if parameter_type == "NUMBER_DOUBLE":
        return _double(text)
    if not _INTEGER.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
        raise ValueError("no integer")
    return int(float(int(text)))  # protobuf has doubles only


def _double(text: str) -> float:
    if not text.isascii():
        raise ValueError("other digits")
    if _SPECIAL.fullmatch(text):
        return float(text)
    return _finite(text)


def _finite(text: str) -> float:
    number = float.fromhex(text) if _HEXADECIMAL.fullmatch(text) else float(text)
    if not math.isfinite(number):
        raise ValueError("no finite number")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found

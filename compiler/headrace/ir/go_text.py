"""Writes values as text the way Kubeflow's driver and launcher do, which are programs in Go.

Sources: `strconv.FormatFloat` of Go's standard library for numbers; its `encoding/json`, and
`protojson` of google.golang.org/protobuf, for JSON. Like Python, both write the shortest digits
that give the same number when read. They differ from Python in when they write an exponent.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

# Between these values, a number in JSON has no exponent: `floatEncoder` of encoding/json.
_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-6, 1e21
_INT64 = 2.0**63
# `encoding/json` escapes these, because its JSON may be put into a web page.
_ESCAPED = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}


def text(value: Any) -> str:
    """Returns a value as KFP puts it into a longer text, or into a parameter that is a string.

    Example:
        >>> text(3.0), text(1e-7), text(True), text({"b": [1.5, 2.0], "a": "x"})
        ('3', '0.0000001', 'true', '{"a":"x","b":[1.5,2]}')
    """
    if isinstance(value, str):
        return value
    return plain_number(value) if is_number(value) else json_text(value)


def is_number(value: Any) -> bool:
    """Returns whether a value is a number and not a bool, which Python counts as a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def plain_number(value: float) -> str:
    """Returns a number without an exponent: `FormatFloat(x, 'f', -1, 64)`.

    Example:
        >>> plain_number(3), plain_number(1e-7), plain_number(-0.0), plain_number(1.5e21)
        ('3', '0.0000001', '-0', '1500000000000000000000')
    """
    return format(Decimal(repr(float(value))), "f").removesuffix(".0")


def short_number(value: float) -> str:
    """Returns a number like `%d` if it is whole, and else like `%g`: with an exponent from 1e6 on.

    Example:
        >>> short_number(5.0), short_number(-0.0), short_number(1234567.25), short_number(1e19)
        ('5', '0', '1.23456725e+06', '1e+19')
    """
    number = float(value)
    if number.is_integer() and -_INT64 <= number < _INT64:
        return str(int(number))
    sign, digits, _ = Decimal(repr(number)).as_tuple()
    exponent = Decimal(repr(number)).adjusted()
    if -4 <= exponent < 6:
        return plain_number(number)
    shown = "".join(map(str, digits)).rstrip("0")
    point = "." if len(shown) > 1 else ""
    return f"{'-' if sign else ''}{shown[0]}{point}{shown[1:]}e{exponent:+03d}"


def json_text(value: Any, *, is_for_pages: bool = True) -> str:
    r"""Returns JSON in Go's form: keys sorted, no spaces, 5.0 as `5`, 1e-7 as `1e-7`.

    Args:
        value: JSON data of finite numbers.
        is_for_pages: Whether `<`, `>` and `&` are escaped: `encoding/json` does, `protojson` alone
            does not.

    Example:
        >>> json_text({"b": [1.0, -0.0, 1e-7], "a": "<ü>"})
        '{"a":"\\u003cü\\u003e","b":[1,-0,1e-7]}'
    """
    written = _json(value)
    # Outside of strings, JSON has none of these characters.
    return written.translate(_ESCAPED) if is_for_pages else written


def _json(value: Any) -> str:
    if isinstance(value, Mapping):
        items = (f"{_json(key)}:{_json(value[key])}" for key in sorted(value))
        return f"{{{','.join(items)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_json, value))}]"
    if is_number(value):
        number = float(value)  # as protobuf has it, integers too
        if number == 0 or _SMALLEST_PLAIN <= abs(number) < _LARGEST_PLAIN:
            return plain_number(number)
        return repr(number).replace("e-0", "e-")
    return json.dumps(value, ensure_ascii=False)

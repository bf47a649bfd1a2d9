"""Reads messages of libraries in JSON form, by tables of their fields.

A table has the fields of each message by name, and the content of each field: "string", "bool",
"integer", "number", "enum A|B", "message Name", or "wrapper number" for a number that may be unset;
with "list " before it for several values, and "map " for values by name. So misspelt fields are
found without a library. Standard library only.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace_components.contract.errors import named
from headrace_components.contract.reading import (
    At,
    Kind,
    Many,
    Record,
    Scalar,
    Style,
    nearest,
    whole_number,
)

_TYPED = "Give the field the JSON form of its type."
_STYLE = Style(
    unknown="{path} has the field {first!r}, which {title} lacks; it has {known}. {hint}",
    otherwise="Take one of those that it has.",
    twice="{path} has the field {first!r} in two spellings. Keep one.",
    not_object="{path} is {value!r}, expected an object with fields of {title}: {known}. Give a "
    "dict.",
    mistyped="{path} is {value!r}, expected {expected}",
    expected={
        str: f"a string. {_TYPED}",
        int: f"a whole number. {_TYPED}",
        float: f"a number. {_TYPED}",
        bool: f"true or false. {_TYPED}",
        tuple: "a list. Put it in brackets, for example [{value!r}].",
        dict: "values by name. Give a dict, for example {{'name': ...}}.",
    },
    is_proto=True,
)
_JSON_TEXT = dataclasses.replace(
    _STYLE,
    expected={
        **_STYLE.expected,
        str: "a string. `config` of a metric is a JSON text, such as '{{\"thresholds\": [0.5]}}'.",
    },
)
_SCALARS: Mapping[str, Kind] = {
    "string": Scalar(str),
    "integer": Scalar(int),
    "bool": Scalar(bool),
}
_NAMED_NUMBERS = ("NaN", "Infinity", "-Infinity")

Tables = Mapping[str, Mapping[str, str]]
"""The contents of the fields of each message."""


class Messages:
    """Reads messages of one library.

    Args:
        component: Name of the component, for error messages.
        tables: The contents of the fields of each message.
    """

    def __init__(self, component: str, tables: Tables) -> None:
        self._component = component
        self._tables = tables

    def read(self, value: Any, kind: str, place: str) -> dict[str, Any]:
        """Returns a message in the form that protobuf's parser reads.

        Both spellings of a field's name are accepted, and wrappers in full, such as
        `{"lower_bound": {"value": 0.6}}`.

        Args:
            value: The message in JSON form.
            kind: Name of the message.
            place: Where it is, for error messages.

        Raises:
            InputError: A field is unknown, given twice, or of another type.
        """
        with named(self._component):
            found: dict[str, Any] = self._message(kind).read(value, At(style=_STYLE, path=place))
        return found

    def _message(self, title: str) -> Record:
        fields = {name: self._kind(name, kind) for name, kind in self._tables[title].items()}
        return Record(title=title, fields=fields, make=dict)

    def _kind(self, name: str, kind: str) -> Kind:
        form, _, rest = kind.partition(" ")
        if form == "list":
            return Many(self._kind(name, rest), list)
        if form == "map":
            return _Values(self._kind(name, rest))
        if form == "message":
            return _Nested(functools.partial(self._message, rest))
        if form == "wrapper":
            return _Wrapper(self._kind(name, rest), 0 if rest != "bool" else False)
        if form == "enum":
            return _Enum(tuple(rest.split("|")))
        if name == "config" and form == "string":
            return _JsonText()
        return _SCALARS.get(form) or _Number()


@dataclass(frozen=True, slots=True)
class _Nested:
    """A message, whose fields are only looked up when needed: messages may contain each other."""

    record: Callable[[], Record]

    def read(self, value: Any, at: At) -> Any:
        return self.record().read(value, at)


@dataclass(frozen=True, slots=True)
class _Values:
    """Values by name."""

    kind: Kind

    def read(self, value: Any, at: At) -> Any:
        if not isinstance(value, Mapping):
            raise at.mistyped(value, dict)
        return {
            str(name): self.kind.read(item, dataclasses.replace(at, path=f"{at.path}[{name!r}]"))
            for name, item in value.items()
        }


@dataclass(frozen=True, slots=True)
class _Wrapper:
    """A value that may be unset, plain or in full as a message."""

    kind: Kind
    default: Any

    def read(self, value: Any, at: At) -> Any:
        if isinstance(value, Mapping) and set(value) <= {"value"}:
            value = value.get("value", self.default)
        return self.kind.read(value, at)


@dataclass(frozen=True, slots=True)
class _Enum:
    """A name, or its number. The first name means unset."""

    names: tuple[str, ...]

    def read(self, value: Any, at: At) -> Any:
        number = whole_number(value)
        if number is not None and 0 <= number < len(self.names):
            return number
        if value in self.names:
            return value
        known = self.names[1:]
        expected = f"one of {list(known)}. {suggestion(str(value), known)}"
        raise at.error(at.style.mistyped, value, expected=expected)


@dataclass(frozen=True, slots=True)
class _JsonText:
    """The `config` of a metric."""

    def read(self, value: Any, at: At) -> Any:
        return Scalar(str).read(value, dataclasses.replace(at, style=_JSON_TEXT))


@dataclass(frozen=True, slots=True)
class _Number:
    """A number in one of the forms of protobuf's JSON, which is kept unchanged."""

    def read(self, value: Any, at: At) -> Any:
        if value not in _NAMED_NUMBERS and not _is_number(value):
            raise at.mistyped(value, float)
        return value


def _is_number(value: Any) -> bool:
    if isinstance(value, str):  # protobuf's JSON has numbers in quotes, too
        try:
            return math.isfinite(float(value))
        except ValueError:
            return False
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def suggestion(name: str, known: Sequence[str]) -> str:
    """Returns a question with the nearest name, or the advice to take one of those."""
    near = nearest(name, known, _STYLE.similarity)
    return _STYLE.otherwise if near is None else _STYLE.similar.format(near)

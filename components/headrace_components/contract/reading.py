"""Reads JSON data by the types of their fields. Standard library only.

All nested data are read here: the parameters of a task, TFX's proto messages in JSON form and the
tables of a profile. The types of fields come from a frozen dataclass, or from a table of texts if a
library's messages are only checked. A `Style` defines the form of the data and the words of errors.
"""

import dataclasses
import difflib
import functools
import json
import math
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from headrace_components.contract.errors import InputError
from headrace_components.contract.filler import whole_numbers

T = TypeVar("T")

_DIGITS = re.compile(r"-?[0-9]{1,19}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """The form of data, and the words of errors in them.

    The words are templates. All have `{path}`, the place of the value, such as `range.start`;
    `{place}` and `{name}`, the object around it and its name there; and the value as `{value!r}` or
    `{json}`.

    Attributes:
        unknown: A field is unknown. `{names}` has all of them, `{first!r}` one, `{known}` the names
            of the fields, `{title}` the name of the message, and `{hint}` is one of the next two.
        similar: The hint if the known name `{0}` is similar; empty if similar names are not
            searched.
        otherwise: The other hint.
        similarity: How similar a name must be, in [0, 1].
        twice: A field is given in both spellings. `{first!r}` has its name.
        not_object: The value is not an object. It has `{known}` and `{title}`.
        mistyped: The value is of another type. It has `{expected}`.
        expected: What is expected, by type; `list` stands for a list of objects.
        is_proto: Whether it is protobuf's JSON: names have two spellings, null leaves a field
            unset, and integers may be in quotes.
        whole: Whether a float with a whole value is an integer.
        least: The least integer; None for any.
        checks_items: Whether the items of lists are checked.
        error: What is raised.
    """

    unknown: str
    similar: str = "Did you mean {0!r}?"
    otherwise: str
    similarity: float = 0.5
    twice: str = ""
    not_object: str
    mistyped: str
    expected: Mapping[type[Any], str]
    is_proto: bool = False
    whole: bool = True
    least: int | None = None
    checks_items: bool = True
    error: type[Exception] = InputError


PARAMETERS = Style(
    unknown="unknown parameters {names}; it knows {known}. {hint}",
    similar="",
    otherwise="Compile the pipeline again with the Headrace version of the image.",
    not_object="parameter `{path}` is {json}, expected an object.",
    mistyped="parameter `{name}` is {json}, expected {expected}.",
    expected={
        str: "a string",
        int: "an integer",
        float: "a number",
        bool: "true or false",
        tuple: "a list",
        dict: "an object",
    },
)
"""The form of a task's parameters."""

MESSAGE = Style(
    unknown="`{path}` has fields {names}, expected only {known}. {hint}",
    otherwise="Correct their names, or leave them out.",
    twice="`{path}` has the field {first!r} in two spellings. Keep one.",
    not_object="`{path}` is {value!r}, expected an object with the fields {known}. Pass a dict.",
    mistyped="`{name}` of `{place}` is {value!r}, expected {expected}. Pass one, or leave the "
    "field out.",
    expected={
        str: "a string",
        int: "a whole number of 0 or more",
        float: "a number",
        bool: "true or false",
        tuple: "a list of strings",
        list: "a list of objects",
        dict: "an object",
    },
    is_proto=True,
    least=0,
)
"""The form of TFX's messages that have a dataclass."""


def read(cls: type[T], values: Any, path: str, style: Style) -> T:
    """Returns the dataclass `cls`, filled from the fields of an object.

    Args:
        cls: A frozen dataclass. Types of its fields: str, int, float, bool, `tuple[X, ...]`,
            `Mapping[str, Any]`, `Any`, a dataclass, or one of these `| None`. A nested dataclass is
            read as a message, in the style of its class variable `STYLE`.
        values: The object.
        path: Where it is, for messages.
        style: How it is written.

    Raises:
        Exception: That of `style`: a name is unknown or given twice, or a value is of another type.
    """
    found: T = _record(cls).read(values, At(path=path, style=style))
    return found


def converted(cls: type[Any], values: Any, path: str, style: Style) -> dict[str, Any]:
    """Returns the fields that an object has, in the types that they have in `cls`.

    Args and errors are those of `read`.
    """
    return _record(cls).fields_of(values, At(path=path, style=style))


def given(message: Any) -> dict[str, Any]:
    """Returns the fields of a dataclass that differ from their defaults, as JSON data."""
    values = {each.name: getattr(message, each.name) for each in dataclasses.fields(message)}
    empty = type(message)()
    return {name: _written(v) for name, v in values.items() if v != getattr(empty, name)}


def _written(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return given(value)
    if isinstance(value, (list, tuple)):
        return [_written(item) for item in value]
    return whole_numbers(value)


def whole_number(value: Any) -> int | None:
    """Returns a JSON value as an integer, or None if it is not one.

    A backend may send 2 as 2.0, and protojson writes 64-bit integers as "2" and reads all so.
    """
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not (math.isfinite(value) and value.is_integer()):
        return None
    return int(value)


def spellings(names: Sequence[str]) -> dict[str, str]:
    """Returns the names of a message's fields by their two spellings in JSON."""
    return {_camel_case(name): name for name in names} | {name: name for name in names}


def nearest(name: str, known: Sequence[str], similarity: float = 0.6) -> str | None:
    """Returns the name that was probably meant; None if none is similar."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=similarity)
    same = [each for each in known if each.lower() == name.lower()]  # "auc" for "AUC"
    return next(iter((*near, *same)), None)


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


@dataclass(frozen=True, kw_only=True, slots=True)
class At:
    """The place of a value.

    Attributes:
        style: How it is written.
        path: Its place.
        place: The place of the object whose field it is in.
        name: The name of that field.
    """

    style: Style
    path: str
    place: str = ""
    name: str = ""

    def error(self, words: str, value: Any, **more: Any) -> Exception:
        """Returns an error in the words of a template."""
        if self.style.is_proto:  # a backend sends 1 as 1.0
            value = whole_numbers(value)
        text = json.dumps(value, default=repr)
        values = {"path": self.path, "place": self.place, "name": self.name, "json": text}
        return self.style.error(words.format(**values, value=value, **more))

    def mistyped(self, value: Any, kind: type[Any]) -> Exception:
        """Returns the error of a value that is not of its type."""
        words = self.style.expected
        expected = words.get(kind, words[tuple]).format(value=value)
        return self.error(self.style.mistyped, value, expected=expected)


class Kind(Protocol):
    """The type of a field."""

    def read(self, value: Any, at: At) -> Any:
        """Returns a value in the type of the field.

        Raises:
            Exception: That of the style: it is of another type.
        """


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, a number, or true or false."""

    type: type[Any]

    def read(self, value: Any, at: At) -> Any:
        """Returns the value; see `Kind`."""
        style = at.style
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if self.type is int:
            number = whole_number(value) if style.is_proto else _integer(value, whole=style.whole)
            if number is not None and (style.least is None or number >= style.least):
                return number
        elif self.type is float and is_number:
            return float(value)
        elif self.type in (str, bool) and isinstance(value, self.type):
            return value
        raise at.mistyped(value, self.type)


@dataclass(frozen=True, slots=True)
class Anything:
    """A value that whoever takes it checks; in objects, floats with a whole value are integers."""

    is_object: bool = False

    def read(self, value: Any, at: At) -> Any:
        """Returns the value; see `Kind`."""
        if self.is_object and not isinstance(value, Mapping):
            raise at.mistyped(value, dict)
        if self.is_object and at.style.whole:
            return {key: whole_numbers(item) for key, item in value.items()}
        return value


@dataclass(frozen=True, slots=True)
class Many:
    """A list."""

    item: Kind
    make: Callable[..., Any] = tuple

    def read(self, value: Any, at: At) -> Any:
        """Returns the items; see `Kind`."""
        if not isinstance(value, (list, tuple)):
            raise at.mistyped(value, list if isinstance(self.item, Record) else tuple)
        if not at.style.checks_items:
            return self.make(value)
        return self.make(
            self.item.read(item, self._item_at(at, number)) for number, item in enumerate(value)
        )

    def _item_at(self, at: At, number: int) -> At:
        name = f"{at.name}[{number}]" if at.style.is_proto else at.name
        return dataclasses.replace(at, path=f"{at.path}[{number}]", name=name)


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known fields.

    Attributes:
        title: Name of the message.
        fields: The types of its fields, by name.
        make: Makes the result of the values by name.
        style: Its form; None for that of the object around it, and for that of a message if it is a
            parameter.
    """

    title: str
    fields: Mapping[str, Kind]
    make: Callable[..., Any]
    style: Style | None = None

    def read(self, value: Any, at: At) -> Any:
        """Returns the result of `make` for the fields; see `Kind`."""
        style = self.style or (MESSAGE if at.name and at.style is PARAMETERS else at.style)
        return self.make(**self.fields_of(value, dataclasses.replace(at, style=style)))

    def fields_of(self, value: Any, at: At) -> dict[str, Any]:
        """Returns the values of the fields that are given."""
        style, known = at.style, sorted(self.fields)
        if not isinstance(value, Mapping):
            raise at.error(style.not_object, value, known=known, title=self.title)
        names = spellings(known) if style.is_proto else {name: name for name in known}
        unknown = [name for name in value if name not in names]
        if unknown:
            near = nearest(str(unknown[0]), known, style.similarity) if style.similar else None
            hint = style.otherwise if near is None else style.similar.format(near)
            more = {"names": sorted(unknown), "first": unknown[0], "hint": hint}
            raise at.error(style.unknown, value, known=known, title=self.title, **more)
        found: dict[str, Any] = {}
        for spelled, item in value.items():
            name = names[spelled]
            if name in found:
                raise at.error(style.twice, value, first=name)
            path = f"{at.path}.{spelled}" if at.path else str(spelled)
            inner = At(style=style, path=path, place=at.path, name=name)
            if item is not None or not style.is_proto:
                found[name] = self.fields[name].read(item, inner)
        return found


@dataclass(frozen=True, slots=True)
class Optional:
    """A value that may be null."""

    kind: Kind

    def read(self, value: Any, at: At) -> Any:
        """Returns the value or None; see `Kind`."""
        return None if value is None else self.kind.read(value, at)


def _integer(value: Any, *, whole: bool) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if whole and isinstance(value, float) and value.is_integer() else None


def _record_of(cls: Any) -> Record:
    hints = typing.get_type_hints(cls)
    fields = {each.name: _kind(hints[each.name]) for each in dataclasses.fields(cls)}
    return Record(title=cls.__name__, fields=fields, make=cls)


_record: Callable[[Any], Record] = functools.cache(_record_of)


def _kind(hint: Any) -> Kind:
    if isinstance(hint, types.UnionType):
        (hint,) = (each for each in typing.get_args(hint) if each is not types.NoneType)
        return Optional(_kind(hint))
    origin = typing.get_origin(hint) or hint
    if origin in (str, int, float, bool):
        return Scalar(origin)
    if origin is tuple:
        return Many(_kind(typing.get_args(hint)[0]))
    if dataclasses.is_dataclass(origin):
        return dataclasses.replace(_record(origin), style=getattr(origin, "STYLE", None))
    return Anything(is_object=origin is Mapping)

"""Reads configs that are proto messages in JSON form, by tables of their fields.

A table has the fields of each message by name, and of each field what it holds:
"string", "bool", "integer", "number", "enum A|B", "message Name", or "wrapper number" for a number
that may be left unset; before it "list " for several, and "map " for values by name. So no library
is needed to find a misspelt field. Standard library only.
"""

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.protojson import camel_case, whole_number

_EXPECTED = {
    "string": "a string",
    "bool": "true or false",
    "integer": "a whole number",
    "number": "a number",
}
_NAMED_NUMBERS = ("NaN", "Infinity", "-Infinity")

Tables = Mapping[str, Mapping[str, str]]
"""What the fields of each message hold."""


class Messages:
    """Reads messages of one library.

    Args:
        component: Name of the component, for error messages.
        tables: What the fields of each message hold.
    """

    def __init__(self, component: str, tables: Tables) -> None:
        self._component = component
        self._tables = tables

    def read(self, value: Any, kind: str, place: str) -> dict[str, Any]:
        """Returns a message in the form that protobuf's parser reads.

        Both spellings of a field's name are read, and wrappers spelled out, as
        `{"lower_bound": {"value": 0.6}}`.

        Args:
            value: The message in JSON form.
            kind: Name of the message.
            place: Where it is, for error messages.

        Raises:
            InputError: A field is unknown, given twice, or of another type.
        """
        return self._message(value, kind, place)

    def _message(self, value: Any, kind: str, place: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self._error(
                place,
                f"is {value!r}, expected an object with fields of {kind}: "
                f"{sorted(self._tables[kind])}. Give a dict.",
            )
        fields = self._tables[kind]
        spellings = {camel_case(name): name for name in fields} | {name: name for name in fields}
        found: dict[str, Any] = {}
        for spelled, inner in value.items():
            if spelled not in spellings:
                known = sorted(fields)
                raise self._error(
                    place,
                    f"has the field {spelled!r}, which {kind} lacks; it has {known}. "
                    f"{suggestion(str(spelled), known)}",
                )
            name = spellings[spelled]
            if name in found:
                raise self._error(place, f"has the field {name!r} in two spellings. Keep one.")
            if inner is not None:  # null leaves a field unset
                found[name] = self._field(inner, fields[name], f"{place}.{spelled}")
        return found

    def _field(self, value: Any, kind: str, place: str) -> Any:
        form, _, rest = kind.partition(" ")
        if form == "list":
            if not isinstance(value, (list, tuple)):
                words = f"is {value!r}, expected a list. Put it in brackets, as [{value!r}]."
                raise self._error(place, words)
            return [self._field(each, rest, f"{place}[{at}]") for at, each in enumerate(value)]
        if form == "map":
            if not isinstance(value, Mapping):
                words = f"is {value!r}, expected values by name. Give a dict, as {{'name': ...}}."
                raise self._error(place, words)
            return {str(k): self._field(each, rest, f"{place}[{k!r}]") for k, each in value.items()}
        if form == "message":
            return self._message(value, rest, place)
        if form == "wrapper":
            if isinstance(value, Mapping) and set(value) <= {"value"}:
                value = value.get("value", 0 if rest != "bool" else False)
            return self._scalar(value, rest, place)
        if form == "enum":
            return self._enum(value, rest.split("|"), place)
        return self._scalar(value, form, place)

    def _enum(self, value: Any, names: Sequence[str], place: str) -> Any:
        number = whole_number(value)
        is_number = number is not None and 0 <= number < len(names)
        if value in names or is_number:
            return number if is_number else value
        known = names[1:]  # the first stands for none
        words = f"is {value!r}, expected one of {list(known)}. {suggestion(str(value), known)}"
        raise self._error(place, words)

    def _scalar(self, value: Any, kind: str, place: str) -> Any:
        if kind == "integer" and (number := whole_number(value)) is not None:
            return number
        if kind == "number" and (_is_number(value) or value in _NAMED_NUMBERS):
            return value
        if kind == "bool" and isinstance(value, bool):
            return value
        if kind == "string" and isinstance(value, str):
            return value
        advice = "Give the field the JSON form of its type."
        if place.endswith(".config"):
            advice = "`config` of a metric is a JSON text, as '{\"thresholds\": [0.5]}'."
        raise self._error(place, f"is {value!r}, expected {_EXPECTED[kind]}. {advice}")

    def _error(self, place: str, words: str) -> InputError:
        return InputError(f"{self._component}: {place} {words}")


def _is_number(value: Any) -> bool:
    if isinstance(value, str):  # protobuf's JSON has numbers in quotes, too
        try:
            return math.isfinite(float(value))
        except ValueError:
            return False
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def suggestion(name: str, known: Sequence[str]) -> str:
    """Returns a question with the nearest name, or the advice to take one of those."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if not near:  # "auc" for "AUC"
        near = [each for each in known if each.lower() == name.lower()]
    return f"Did you mean {near[0]!r}?" if near else "Take one of those that it has."

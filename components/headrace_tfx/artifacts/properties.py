"""Declared properties of artifact types. Standard library only."""

import enum
from dataclasses import dataclass
from typing import Any

JsonValue = dict[str, Any] | list[Any] | str | float | int | None
# The values that a component takes; a message is also one of them.
ExecPropertyTypes = int | float | str | bool | list[Any] | dict[str, Any] | Any


class PropertyType(enum.Enum):
    """The type of a property; the numbers are TFX's."""

    INT = 1
    FLOAT = 2
    STRING = 3
    JSON_VALUE = 4
    PROTO = 5
    BOOLEAN = 6


_ZERO: dict[PropertyType, Any] = {
    PropertyType.INT: 0,
    PropertyType.FLOAT: 0.0,
    PropertyType.STRING: "",
    PropertyType.JSON_VALUE: None,
    PropertyType.PROTO: None,
    PropertyType.BOOLEAN: False,
}
_ACCEPTED: dict[PropertyType, tuple[type, ...]] = {
    PropertyType.INT: (int,),
    PropertyType.FLOAT: (float,),
    PropertyType.STRING: (str, bytes),
    PropertyType.JSON_VALUE: (dict, list, str, float, int, type(None)),
    PropertyType.BOOLEAN: (bool,),
}


class Property:
    """A declared property, such as `Property(type=PropertyType.INT)`.

    Raises:
        ValueError: `type` is not a PropertyType.
    """

    def __init__(self, type: PropertyType) -> None:
        if not isinstance(type, PropertyType):
            raise ValueError(
                f"the type of a property is {type!r}, expected one of "
                f"{', '.join(f'PropertyType.{each.name}' for each in PropertyType)}"
            )
        self.type = type

    def __repr__(self) -> str:
        return f"Property(type={self.type})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Property) and other.type is self.type

    def __hash__(self) -> int:
        return hash(self.type)

    @property
    def zero(self) -> Any:
        """The value of a property that was not set."""
        return _ZERO[self.type]

    def checked(self, name: str, value: Any) -> Any:
        """Returns the value for storage.

        Raises:
            ValueError: It has another type.
        """
        if self.type is PropertyType.PROTO:
            fits = value is None or hasattr(value, "SerializeToString")
        else:
            fits = isinstance(value, _ACCEPTED[self.type])
        if not fits:
            raise ValueError(
                f"property {name!r} is {value!r} of type {type(value).__name__}, expected "
                f"{self.type.name}"
            )
        return value.decode("utf-8") if isinstance(value, bytes) else value


@dataclass(frozen=True, slots=True)
class CustomProperty:
    """A custom property, whose type is that of the method that set it."""

    type: PropertyType
    value: Any

"""TFX's value artifacts: one value in the file at the artifact's URI."""

import importlib
import logging
import math
from pathlib import Path
from typing import Any, TypeVar

from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.artifacts.system import SystemArtifact
from headrace_tfx.files import json_utils

# TFX's mark of a file that stands for None.
_IS_NULL = "__is_null__"

_T = TypeVar("_T")


class ValueArtifact(Artifact):
    """The base of value artifacts.

    A class of an author's own defines `encode(value) -> bytes` and `decode(bytes) -> value`.
    """

    _is_base_of_names = True
    _has_value = False
    _value: Any = None

    def read(self) -> Any:
        """Returns the value, from the file the first time.

        Raises:
            RuntimeError: There is no file.
        """
        if not self._has_value:
            content = _content(self.uri)
            if content is None:
                raise RuntimeError(f"there is no file at {self.uri!r} for a {self.type_name}")
            if not self.get_int_custom_property(_IS_NULL):
                self._value = self.decode(content)
            self._has_value = True
        return self._value

    def write(self, value: Any) -> None:
        """Writes the file.

        Raises:
            TypeError: The value has another type than the artifact's.
        """
        self.set_int_custom_property(_IS_NULL, 1 if value is None else 0)
        content = b"" if value is None else self.encode(value)
        _write(self.uri, content.encode("utf-8") if isinstance(content, str) else content)

    @property
    def value(self) -> Any:
        """The value.

        Raises:
            ValueError: Neither was it read, nor set.
        """
        if not self._has_value:
            raise ValueError(f"the value of this {self.type_name} was not read: call read() first")
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value = value
        self._has_value = True
        self.write(value)

    def encode(self, value: Any) -> Any:
        """Returns the contents of the file."""
        raise NotImplementedError(f"{type(self).__name__} defines no encode(value)")

    def decode(self, serialized_value: bytes) -> Any:
        """Returns the value of a file's contents."""
        raise NotImplementedError(f"{type(self).__name__} defines no decode(serialized_value)")

    @classmethod
    def annotate_as(
        cls, type_annotation: type[SystemArtifact] | None = None
    ) -> "type[ValueArtifact]":
        """Returns the type with an annotation, such as `String_Model`.

        Raises:
            ValueError: It is not a class of `standard_annotations`.
        """
        if type_annotation is None:
            return cls
        if not isinstance(type_annotation, type) or not issubclass(type_annotation, SystemArtifact):
            raise ValueError(
                f"annotate_as got {type_annotation!r}, expected Dataset, Model, Metrics or "
                "Statistics of tfx.dsl.standard_annotations"
            )
        suffix = type_annotation.__name__
        attributes = {
            "TYPE_NAME": f"{cls.TYPE_NAME}_{suffix}",
            "TYPE_ANNOTATION": type_annotation,
            "__module__": cls.__module__,
        }
        return type(f"{cls.__name__}_{suffix}", (cls,), attributes)


class Bytes(ValueArtifact):
    """Bytes."""

    TYPE_NAME = "Bytes"

    def encode(self, value: bytes) -> bytes:
        """Returns the bytes."""
        return _checked(self, value, bytes)

    def decode(self, serialized_value: bytes) -> bytes:
        """Returns the bytes."""
        return serialized_value


class String(ValueArtifact):
    """A text, in UTF-8."""

    TYPE_NAME = "String"

    def encode(self, value: str) -> bytes:
        """Returns UTF-8."""
        return _checked(self, value, str).encode("utf-8")

    def decode(self, serialized_value: bytes) -> str:
        """Returns the text."""
        return serialized_value.decode("utf-8")


class Boolean(ValueArtifact):
    """A truth value, `1` or `0`."""

    TYPE_NAME = "Boolean"

    def encode(self, value: bool) -> bytes:
        """Returns `1` or `0`."""
        return b"1" if _checked(self, value, bool) else b"0"

    def decode(self, serialized_value: bytes) -> bool:
        """Returns whether it is not 0."""
        return int(serialized_value) != 0


class Integer(ValueArtifact):
    """A whole number, in decimal digits."""

    TYPE_NAME = "Integer"

    def encode(self, value: int) -> bytes:
        """Returns its digits."""
        return b"%d" % _checked(self, value, int)

    def decode(self, serialized_value: bytes) -> int:
        """Returns the number."""
        return int(serialized_value)


class Float(ValueArtifact):
    """A number in decimal digits, or `Infinity`, `-Infinity`, `NaN`."""

    TYPE_NAME = "Float"

    def encode(self, value: float) -> bytes:
        """Returns the shortest digits that mean this number."""
        if math.isnan(_checked(self, value, float)):
            return b"NaN"
        if math.isinf(value):
            return b"Infinity" if value > 0 else b"-Infinity"
        return str(value).encode()

    def decode(self, serialized_value: bytes) -> float:
        """Returns the number; a warning says if it is not exactly that of the text."""
        from decimal import Decimal

        number = float(serialized_value)
        text = serialized_value.decode()
        if math.isfinite(number) and Decimal(text) != Decimal(str(number)):
            logging.warning("%s is read as %s, which is not exactly the same number", text, number)
        return number


class JsonValue(ValueArtifact):
    """A JSON value."""

    TYPE_NAME = "JsonValue"

    def encode(self, value: Any) -> str:
        """Returns JSON text."""
        return json_utils.dumps(value)

    def decode(self, serialized_value: bytes) -> Any:
        """Returns the value."""
        return json_utils.loads(serialized_value)


def _content(uri: str) -> bytes | None:
    if "://" not in uri:  # without TensorFlow, whose import takes seconds
        return Path(uri).read_bytes() if Path(uri).exists() else None
    fileio = _fileio()
    if not fileio.exists(uri):
        return None
    with fileio.open(uri, "rb") as file:
        content: bytes = file.read()
    return content


def _write(uri: str, content: bytes) -> None:
    if "://" not in uri:
        Path(uri).write_bytes(content)
        return
    with _fileio().open(uri, "wb") as file:
        file.write(content)


def _fileio() -> Any:
    # By name: the compiler reads these classes, and has no TensorFlow.
    return importlib.import_module("headrace_tfx.files.fileio")


def _checked(artifact: ValueArtifact, value: Any, expected: type[_T]) -> _T:
    if not isinstance(value, expected):
        raise TypeError(
            f"the value of a {artifact.type_name} is {value!r} of type {type(value).__name__}, "
            f"expected {expected.__name__}"
        )
    return value

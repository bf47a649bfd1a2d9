"""Makes classes of messages from the declarations, in a pool of descriptors of their own.

The process may have TFX's own messages or TensorFlow Metadata in protobuf's common pool, where two
files must not declare the same message. A message of that pool is accepted in place of one of ours:
`FeatureComparator(path=path_pb2.Path(step=["x"]))`.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from google.protobuf.internal import enum_type_wrapper
from google.protobuf.message import Message

from headrace_tfx.protos.declarations import FILES

_POOL: Any = descriptor_pool.DescriptorPool()
_PACKAGE = "headrace_tfx.protos"
_FIELD = re.compile(
    r"(?P<repeated>repeated )?(?P<type>[\w.]+) (?P<name>\w+)=(?P<number>\d+)(?:@(?P<oneof>\w+))?"
)
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bool": _Field.TYPE_BOOL,
    "double": _Field.TYPE_DOUBLE,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "uint32": _Field.TYPE_UINT32,
}


def names_of(file: str) -> dict[str, Any]:
    """Returns what the module `<file>_pb2` has: messages, enums, their values and `DESCRIPTOR`."""
    _add(file)
    descriptor = _POOL.FindFileByName(_path(file))
    names: dict[str, Any] = {"DESCRIPTOR": descriptor}
    for name, message in descriptor.message_types_by_name.items():
        names[name] = _class(message, f"{_PACKAGE}.{file}_pb2", name)
    for name, enum in descriptor.enum_types_by_name.items():
        names[name] = enum_type_wrapper.EnumTypeWrapper(enum)
        names.update((value.name, value.number) for value in enum.values)
    return {**names, "__all__": sorted(names)}


def _path(file: str) -> str:
    return f"headrace_tfx/protos/{file}.proto"


@cache
def _add(file: str) -> None:
    """Adds a file, and before it those that it uses, to the pool."""
    declared = FILES[file]
    message = descriptor_pb2.FileDescriptorProto(
        name=_path(file), package=declared.package, syntax=declared.syntax
    )
    for each in declared.imports:
        if each in FILES:
            _add(each)
            message.dependency.append(_path(each))
        else:
            _POOL.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
            message.dependency.append(each)
    _Declaring(message, dict(_lines(declared.messages))).declare()
    _POOL.AddSerializedFile(message.SerializeToString())


def _lines(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yields each message or enum with the texts of its fields."""
    for line in re.split(r"\n\s*(?=(?:enum )?[\w.]+: )", text.strip()):
        name, _, fields = " ".join(line.split()).partition(": ")
        yield name, fields.split(", ")


class _Declaring:
    """Writes the descriptor of a file."""

    def __init__(
        self, file: descriptor_pb2.FileDescriptorProto, lines: dict[str, list[str]]
    ) -> None:
        self._file = file
        self._lines = lines
        self._messages: dict[str, descriptor_pb2.DescriptorProto] = {}
        self._enums = {name.removeprefix("enum ") for name in lines if name.startswith("enum ")}

    def declare(self) -> None:
        """Declares the messages, then the enums, then the fields, which name them."""
        for name in self._lines:
            if not name.startswith("enum "):
                outer, _, inner = name.rpartition(".")
                kept = self._messages[outer].nested_type if outer else self._file.message_type
                self._messages[name] = kept.add(name=inner)
        for name in sorted(self._enums):
            outer, _, inner = name.rpartition(".")
            enum = (self._messages[outer] if outer else self._file).enum_type.add(name=inner)
            for each in self._lines[f"enum {name}"]:
                value, _, number = each.partition("=")
                enum.value.add(name=value, number=int(number))
        for name, message in self._messages.items():
            for each in self._lines[name]:
                self._add_field(name, message, each)

    def _add_field(self, owner: str, message: descriptor_pb2.DescriptorProto, text: str) -> None:
        found = _FIELD.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not the declaration of a field")
        field = message.field.add(
            name=found["name"], number=int(found["number"]), label=_Field.LABEL_OPTIONAL
        )
        if found["repeated"] or found["type"] == "map":
            field.label = _Field.LABEL_REPEATED
        if found["type"] == "map":
            field.type = _Field.TYPE_MESSAGE
            field.type_name = self._entry(owner, message, found["name"])
        elif found["type"] in _SCALARS:
            field.type = _SCALARS[found["type"]]
        else:
            field.type_name, is_enum = self._type(owner, found["type"])
            field.type = _Field.TYPE_ENUM if is_enum else _Field.TYPE_MESSAGE
        if found["oneof"]:
            names = [each.name for each in message.oneof_decl]
            if found["oneof"] not in names:
                message.oneof_decl.add(name=found["oneof"])
                names.append(found["oneof"])
            field.oneof_index = names.index(found["oneof"])

    def _entry(self, owner: str, message: descriptor_pb2.DescriptorProto, field: str) -> str:
        """Declares the message of a map's entries, texts by text, and returns its name."""
        name = f"{''.join(part.title() for part in field.split('_'))}Entry"
        entry = message.nested_type.add(name=name)
        entry.options.map_entry = True
        for number, part in enumerate(("key", "value"), 1):
            entry.field.add(
                name=part, number=number, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL
            )
        return f".{self._file.package}.{owner}.{name}"

    def _type(self, owner: str, name: str) -> tuple[str, bool]:
        """Returns the full name of a type, and whether it is an enum."""
        if name.startswith("."):
            return name, False
        scope = owner
        while True:
            full = f"{scope}.{name}".lstrip(".")
            if full in self._messages or full in self._enums:
                return f".{self._file.package}.{full}", full in self._enums
            if not scope:
                raise ValueError(f"the message {owner} uses {name!r}, which is not declared")
            scope = scope.rpartition(".")[0]


# Classes by full name. Protobuf would drop one that nobody holds, and what was set on it.
_classes: dict[str, Any] = {}


def _class(descriptor: Any, module: str, name: str) -> Any:
    """Returns the class of a message, that pickle finds and that takes messages of other pools."""
    if descriptor.full_name in _classes:
        return _classes[descriptor.full_name]
    cls: Any = message_factory.GetMessageClass(descriptor)
    _classes[descriptor.full_name] = cls
    cls.__module__, cls.__qualname__ = module, name
    cls.__init__ = _adapting(cls.__init__)
    cls.CopyFrom = _taking_others(cls, cls.CopyFrom)
    cls.MergeFrom = _taking_others(cls, cls.MergeFrom)
    cls.__reduce__ = lambda self: (_restored, (cls, self.SerializeToString()))
    for inner in descriptor.nested_types:
        if not inner.GetOptions().map_entry:
            _class(inner, module, f"{name}.{inner.name}")
    for field in descriptor.fields:
        other = field.message_type
        if other is not None and other.file.name != descriptor.file.name:
            home = "google.protobuf.any_pb2" if other.name == "Any" else f"{_PACKAGE}.metadata_pb2"
            _class(other, home, other.name)
    return cls


def _restored(cls: Any, content: bytes) -> Any:
    return cls.FromString(content)


def _adapting(original: Callable[..., None]) -> Callable[..., None]:
    def construct(self: Message, *args: Any, **fields: Any) -> None:
        declared = self.DESCRIPTOR.fields_by_name
        for name, value in fields.items():
            expected = declared[name].message_type if name in declared else None
            if expected is not None and not expected.GetOptions().map_entry:
                fields[name] = _adapted(value, expected)
        try:
            original(self, *args, **fields)
        except TypeError as error:
            name = next((name for name, value in fields.items() if _is_of_a_run(value)), "")
            if not name:
                raise
            message = self.DESCRIPTOR.name
            raise TypeError(
                f"{message}: `{name}` is a {type(fields[name]).__name__}, whose value only a run "
                "has, and no message holds one. Give the component a dict in place of the message, "
                f"as {{{name!r}: ...}}, which may hold one."
            ) from error

    return construct


def _is_of_a_run(value: Any) -> bool:
    names = {each.__name__ for each in type(value).__mro__}
    return not names.isdisjoint(("RuntimeParameter", "Placeholder"))


def _taking_others(cls: Any, original: Callable[..., None]) -> Callable[..., None]:
    def take(self: Message, other: Any) -> None:
        original(self, _adapted(other, cls.DESCRIPTOR))

    return take


def _adapted(value: Any, expected: Any) -> Any:
    """Returns messages of another pool as ours; other values as they are."""
    if isinstance(value, list | tuple):
        return [_adapted(each, expected) for each in value]
    cls = message_factory.GetMessageClass(expected)
    is_same = isinstance(value, Message) and value.DESCRIPTOR.full_name == expected.full_name
    if is_same and not isinstance(value, cls):
        return cls.FromString(value.SerializeToString())
    return value

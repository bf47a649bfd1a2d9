"""TFX's `proto_utils`: messages as JSON text and dicts, with the names of the proto file."""

from collections.abc import Iterator
from typing import Any, TypeVar

from google.protobuf import any_pb2, descriptor, descriptor_pool, json_format, message_factory
from google.protobuf.message import Message

_M = TypeVar("_M", bound=Message)


def proto_to_json(proto: Message) -> str:
    """Returns indented JSON text with sorted names."""
    return str(json_format.MessageToJson(proto, sort_keys=True, preserving_proto_field_name=True))


def proto_to_dict(proto: Message) -> dict[str, Any]:
    """Returns the fields that are set."""
    fields: dict[str, Any] = json_format.MessageToDict(proto, preserving_proto_field_name=True)
    return fields


def json_to_proto(json_str: str, proto: _M) -> _M:
    """Returns `proto`, filled from JSON text; unknown fields are ignored."""
    json_format.Parse(json_str, proto, ignore_unknown_fields=True)
    return proto


def dict_to_proto(json_dict: dict[Any, Any], proto: _M) -> _M:
    """Returns `proto`, filled from a dict; unknown fields are ignored."""
    json_format.ParseDict(json_dict, proto, ignore_unknown_fields=True)
    return proto


def gather_file_descriptors(
    file_descriptor: descriptor.FileDescriptor,
) -> Iterator[descriptor.FileDescriptor]:
    """Yields the file of a message and those it imports, each once, imported ones first."""
    seen = set[str]()

    def walk(file: descriptor.FileDescriptor) -> Iterator[descriptor.FileDescriptor]:
        if file.name not in seen:
            seen.add(file.name)
            for each in file.dependencies:
                yield from walk(each)
            yield file

    yield from walk(file_descriptor)


def unpack_proto_any(
    any_proto: any_pb2.Any, pool: descriptor_pool.DescriptorPool | None = None
) -> Message:
    """Returns the message in an Any.

    Raises:
        KeyError: The pool does not know its type.
    """
    name = any_proto.type_url.rpartition("/")[2]
    known = pool or descriptor_pool.Default()  # type: ignore[no-untyped-call]
    found = known.FindMessageTypeByName(name)
    message: Message = message_factory.GetMessageClass(found)()
    any_proto.Unpack(message)
    return message

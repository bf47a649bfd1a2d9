"""Messages of `tf.train.Example` and `SequenceExample` without TensorFlow, which starts slowly.

Fields and numbers: `tensorflow/core/example/{example,feature}.proto`. Maps are declared in their
wire form, as repeated entries: protobuf's versions sort a map's keys in different ways, but a row
must not change its split with a new version.
"""

from functools import cache
from operator import attrgetter
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto

_LISTS = {
    "bytes_list": ("BytesList", _Field.TYPE_BYTES),
    "float_list": ("FloatList", _Field.TYPE_FLOAT),
    "int64_list": ("Int64List", _Field.TYPE_INT64),
}


@cache
def message_class(name: str) -> Any:
    """Returns the class of a message, "Example" or "SequenceExample"."""
    file = descriptor_pb2.FileDescriptorProto(name="headrace/example.proto", package="headrace")
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (field, (kind, scalar)) in enumerate(_LISTS.items(), start=1):
        values = file.message_type.add(name=kind).field.add(
            name="value", number=1, label=_Field.LABEL_REPEATED, type=scalar
        )
        values.options.packed = scalar != _Field.TYPE_BYTES
        _add_message(feature, field, number, kind).oneof_index = 0
    _add_map(file, "Features", "feature", "Feature")
    repeated = file.message_type.add(name="FeatureList")
    _add_message(repeated, "feature", 1, "Feature").label = _Field.LABEL_REPEATED
    _add_map(file, "FeatureLists", "feature_list", "FeatureList")
    _add_message(file.message_type.add(name="Example"), "features", 1, "Features")
    sequence = file.message_type.add(name="SequenceExample")
    _add_message(sequence, "context", 1, "Features")
    _add_message(sequence, "feature_lists", 2, "FeatureLists")
    pool: Any = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"headrace.{name}"))


def canonical(message: Any) -> bytes:
    """Returns a message in the deterministic form of C++ protobuf: with sorted keys."""
    for name in ("features", "context"):
        if name in message.DESCRIPTOR.fields_by_name:
            getattr(message, name).feature.sort(key=attrgetter("key"))
    if "feature_lists" in message.DESCRIPTOR.fields_by_name:
        message.feature_lists.feature_list.sort(key=attrgetter("key"))
    serialized: bytes = message.SerializeToString()
    return serialized


def _add_message(message: Any, name: str, number: int, kind: str) -> Any:
    return message.field.add(
        name=name,
        number=number,
        label=_Field.LABEL_OPTIONAL,
        type=_Field.TYPE_MESSAGE,
        type_name=f".headrace.{kind}",
    )


def _add_map(file: Any, message: str, field: str, kind: str) -> None:
    """Adds a message with the one field `map<string, kind> field = 1`."""
    entry = file.message_type.add(name=f"{message}Entry")
    entry.field.add(name="key", number=1, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_BYTES)
    _add_message(entry, "value", 2, kind)
    entries = _add_message(file.message_type.add(name=message), field, 1, f"{message}Entry")
    entries.label = _Field.LABEL_REPEATED

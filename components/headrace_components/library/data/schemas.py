"""Reads and writes Schema artifacts: one `schema.pbtxt` per directory."""

from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_components.contract.errors import InputError

FILE_NAME = "schema.pbtxt"

SEQUENCE_FEATURE = "##SEQUENCE##"
"""The feature with the sequences of tf.SequenceExamples, named as in TFX."""

# Lifecycle stages in which TensorFlow Transform leaves a feature out.
_LEFT_OUT = (
    schema_pb2.PLANNED,
    schema_pb2.ALPHA,
    schema_pb2.DEBUG_ONLY,
    schema_pb2.DEPRECATED,
    schema_pb2.DISABLED,
    schema_pb2.VALIDATION_DERIVED,
)


def read(directory: Path) -> schema_pb2.Schema:
    """Returns the schema of a Schema artifact.

    Args:
        directory: The artifact's directory, or the file itself.

    Raises:
        InputError: The directory has no `schema.pbtxt`, or the file is not a schema.
    """
    # An importer may refer to the file itself.
    path = directory if directory.is_file() else directory / FILE_NAME
    if not path.is_file():
        found = sorted(entry.name for entry in directory.glob("*"))
        raise InputError(
            f"`schema` is {directory}, which holds {found} and no {FILE_NAME}. "
            "Connect the output of schema_gen or import_schema_gen."
        )
    try:
        return text_format.Parse(path.read_bytes(), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is not a schema: {error}. It must be a text-format "
            "tensorflow.metadata.v0.Schema, as tfdv.write_schema_text writes it."
        ) from error


def check_features(schema: schema_pb2.Schema, source: str) -> None:
    """Rejects features that cannot become tensors.

    Args:
        schema: The schema.
        source: Where the schema is from, for error messages.

    Raises:
        InputError: A feature has no type, has a shape without being in every row, or is a STRUCT
            outside of tf.SequenceExamples.
    """
    parts = {
        part.name
        for sparse in schema.sparse_feature
        for part in (*sparse.index_feature, sparse.value_feature)
    }
    for feature in schema.feature:
        if feature.deprecated or feature.lifecycle_stage in _LEFT_OUT:
            continue
        fault = _fault(feature, is_part=feature.name in parts)
        if fault:
            name = f"feature {feature.name!r} of the schema {source}"
            raise InputError(f"{name} {fault}")


def _fault(feature: schema_pb2.Feature, *, is_part: bool) -> str:
    if feature.type == schema_pb2.TYPE_UNKNOWN:
        return "has no `type`, expected INT, FLOAT or BYTES. Add it, for example `type: FLOAT`."
    if feature.type == schema_pb2.STRUCT and feature.name != SEQUENCE_FEATURE:
        return (
            "is of type STRUCT, which rows have as the sequences of a tf.SequenceExample alone, "
            f"under the name {SEQUENCE_FEATURE!r}. Declare the features within it one by one."
        )
    if feature.HasField("shape") and feature.presence.min_fraction != 1 and not is_part:
        return (
            "has a `shape`, but `presence` does not say that every row has it. Add `presence { "
            "min_fraction: 1.0 }`; or, if rows may lack it, write `value_count { min: 1 max: 1 }` "
            "in place of `shape`."
        )
    return ""


def write(schema: schema_pb2.Schema, directory: Path) -> None:
    """Writes `schema.pbtxt` under `directory`, which is created if necessary."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / FILE_NAME).write_text(text_format.MessageToString(schema), "utf-8")

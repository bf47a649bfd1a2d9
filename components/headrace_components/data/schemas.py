"""Reads and writes Schema artifacts: one `schema.pbtxt` per directory."""

from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_components.errors import InputError

FILE_NAME = "schema.pbtxt"


def read(directory: Path, component: str) -> schema_pb2.Schema:
    """Returns the schema of a Schema artifact.

    Args:
        directory: The artifact's directory.
        component: Name of the component, for error messages.

    Raises:
        InputError: The directory holds no `schema.pbtxt`, or one that is no schema.
    """
    path = directory / FILE_NAME
    if not path.is_file():
        found = sorted(entry.name for entry in directory.glob("*"))
        raise InputError(
            f"{component}: `schema` is {directory}, which holds {found} and no {FILE_NAME}. "
            "Connect the output of schema_gen or import_schema_gen."
        )
    try:
        return text_format.Parse(path.read_bytes(), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise InputError(
            f"{component}: {path} is not a schema: {error}. It must be a text-format "
            "tensorflow.metadata.v0.Schema, as tfdv.write_schema_text writes it."
        ) from error


def write(schema: schema_pb2.Schema, directory: Path) -> None:
    """Writes `schema.pbtxt` under `directory`, which is made where it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / FILE_NAME).write_text(text_format.MessageToString(schema), "utf-8")

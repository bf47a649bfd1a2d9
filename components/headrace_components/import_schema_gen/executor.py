"""Checks that a file is a schema and copies it into the pipeline."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.contract.texts import one_line
from headrace_components.import_schema_gen.params import ImportSchemaGenParams
from headrace_components.library.clients.storage import read_bytes
from headrace_components.library.data import schemas


def execute(task: Task) -> None:
    """Writes `schema.pbtxt` under the `schema` output."""
    params = read(ImportSchemaGenParams, task.params, task.component)
    if params.schema_json:
        schemas.write(_from_json(params.schema_json), task.output("schema").path)
        return
    text = read_bytes(params.schema_file, "schema_file")
    try:
        schema = text_format.Parse(text, schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise InputError(
            f"{params.schema_file} is not a schema: {error}. It must be a "
            "text-format tensorflow.metadata.v0.Schema, as tfdv.write_schema_text writes it."
        ) from error
    schemas.check_features(schema, params.schema_file)
    # Copy the bytes unchanged: a curated schema contains its author's comments.
    (task.output("schema").path / "schema.pbtxt").write_bytes(text)


def _from_json(given: Mapping[str, Any]) -> schema_pb2.Schema:
    try:
        schema = json_format.ParseDict(given, schema_pb2.Schema())
    except json_format.ParseError as error:
        raise InputError(
            f"`schema_json` is not a schema: {one_line(error)}. It must have the fields of "
            "tensorflow.metadata.v0.Schema."
        ) from error
    schemas.check_features(schema, "`schema_json`")
    return schema

"""Imports a schema that you keep in a file."""

from headrace_components.contract.artifact_types import SCHEMA
from headrace_components.contract.declaration import Component, Output
from headrace_components.contract.hooks import CacheHooks
from headrace_components.import_schema_gen.params import ImportSchemaGenParams
from headrace_components.import_schema_gen.schema_file import external_state, input_locations

COMPONENT = Component(
    name="import_schema_gen",
    doc=__doc__,
    outputs={
        "schema": Output(SCHEMA, "The schema, checked and copied."),
    },
    parameters=ImportSchemaGenParams,
    execution_type="tfx.components.schema_gen.import_schema_gen.component.ImportSchemaGen",
    cache=CacheHooks(external_state=external_state, input_locations=input_locations),
    read_paths=("schema_file",),
)

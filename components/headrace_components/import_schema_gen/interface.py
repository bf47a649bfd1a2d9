"""What ImportSchemaGen looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Schema
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def import_schema_gen(schema: dsl.Output[Schema], schema_file: str) -> dsl.ContainerSpec:
    """Imports a curated schema.

    Args:
        schema: The schema, checked and copied.
        schema_file: Path or URI of a text-format `tensorflow.metadata.v0.Schema`.
    """
    return dsl.ContainerSpec(
        image=image("import_schema_gen"),
        command=["python", "-m", "headrace_components.import_schema_gen"],
        args=["--executor_input", "{{$}}"],
    )

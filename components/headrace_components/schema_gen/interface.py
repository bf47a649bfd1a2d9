"""What SchemaGen looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import ExampleStatistics, Schema
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def schema_gen(
    statistics: dsl.Input[ExampleStatistics],
    schema: dsl.Output[Schema],
    infer_feature_shape: bool = True,
    exclude_splits: list = [],
) -> dsl.ContainerSpec:
    """Infers a schema that the data of every split satisfies.

    Args:
        statistics: Statistics per split.
        schema: The inferred schema.
        infer_feature_shape: Whether features that always hold one value get a fixed shape.
        exclude_splits: Names of splits to leave out.
    """
    return dsl.ContainerSpec(
        image=image("schema_gen"),
        command=["python", "-m", "headrace_components.schema_gen"],
        args=["--executor_input", "{{$}}"],
    )

"""What ExampleValidator looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import ExampleAnomalies, ExampleStatistics, Schema
from headrace_components.images import image


@dsl.container_component
def example_validator(
    statistics: dsl.Input[ExampleStatistics],
    schema: dsl.Input[Schema],
    anomalies: dsl.Output[ExampleAnomalies],
    exclude_splits: list = [],
    fail_on_anomalies: bool = False,
) -> dsl.ContainerSpec:
    """Finds where the data contradicts the schema.

    Args:
        statistics: Statistics per split.
        schema: What the data should look like.
        anomalies: One `SchemaDiff.pb` per split.
        exclude_splits: Names of splits to leave out.
        fail_on_anomalies: Whether an anomaly fails the task, and with it the run.
    """
    return dsl.ContainerSpec(
        image=image("example_validator"),
        command=["python", "-m", "headrace_components.example_validator"],
        args=["--executor_input", "{{$}}"],
    )

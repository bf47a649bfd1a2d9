"""What ExampleValidator looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import ExampleAnomalies, ExampleStatistics, Schema
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def example_validator(
    statistics: dsl.Input[ExampleStatistics],
    schema: dsl.Input[Schema],
    anomalies: dsl.Output[ExampleAnomalies],
    report: dsl.Output[dsl.HTML],
    exclude_splits: list = [],
    fail_on_anomalies: bool = False,
    environment: str = "",
) -> dsl.ContainerSpec:
    """Finds where the data contradicts the schema.

    Rows of training and of serving are rarely alike: a label belongs to the first only. The schema
    says so with `default_environment: "TRAINING"`, `default_environment: "SERVING"`, and
    `not_in_environment: "SERVING"` on the label. Serving rows are then validated with

        example_validator(statistics=serving, schema=schema, environment="SERVING")

    Args:
        statistics: Statistics per split.
        schema: What the data should look like.
        anomalies: One `SchemaDiff.pb` per split.
        report: A page that shows each anomaly, how bad it is and what to do about it.
        exclude_splits: Names of splits to leave out.
        fail_on_anomalies: Whether an anomaly fails the task, and with it the run.
        environment: The schema's environment to validate against, one of its
            `default_environment`s; a feature that is not in it is not expected. Empty validates
            against all features.
    """
    return dsl.ContainerSpec(
        image=image("example_validator"),
        command=["python", "-m", "headrace_components.example_validator"],
        args=["--executor_input", "{{$}}"],
    )

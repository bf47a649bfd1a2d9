"""Parameters of ExampleValidator."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleValidatorParams:
    """Parameters that a pipeline author may set.

    Attributes:
        exclude_splits: Names of splits to leave out.
        fail_on_anomalies: Whether an anomaly fails the task, and so the run.
        environment: The environment to validate against, one of the schema's `default_environment`
            values. A feature that is not in it is not expected. If empty, all features are
            expected.
    """

    exclude_splits: tuple[str, ...] = ()
    fail_on_anomalies: bool = False
    environment: str = ""

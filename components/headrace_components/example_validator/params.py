"""Parameters of ExampleValidator."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleValidatorParams:
    """Parameters that a pipeline author may set.

    Attributes:
        exclude_splits: Names of splits to leave out.
        fail_on_anomalies: Whether an anomaly fails the task, and with it the run.
        environment: The schema's environment to validate against, one of its
            `default_environment`s; a feature that is not in it is not expected. Empty validates
            against all features.
    """

    exclude_splits: tuple[str, ...] = ()
    fail_on_anomalies: bool = False
    environment: str = ""

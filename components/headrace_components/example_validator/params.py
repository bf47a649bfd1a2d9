"""Parameters of ExampleValidator."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleValidatorParams:
    """What a pipeline author may choose.

    Attributes:
        exclude_splits: Names of splits to leave out.
        fail_on_anomalies: Whether an anomaly fails the task, and with it the run.
        environment: The schema's environment to validate against; empty for all features.
    """

    exclude_splits: tuple[str, ...] = ()
    fail_on_anomalies: bool = False
    environment: str = ""

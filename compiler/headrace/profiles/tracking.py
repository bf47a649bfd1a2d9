"""The table [tracking]: where runs on this machine are logged for comparison.

[tracking]
mlflow = "http://mlflow.example.com:5000"
experiment = "penguins"
models = "reference"
"""

from dataclasses import dataclass, replace
from pathlib import Path

from headrace.errors import CompileError
from headrace.profiles.tables import check_names, read_table, read_toml

_MODELS = ("reference", "upload")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracking:
    """Where runs on this machine are logged.

    Attributes:
        mlflow: URI of an MLflow tracking server, or the directory of a file store, relative to the
            profile; empty for none.
        experiment: Name of the experiment; empty for the name of the pipeline.
        models: With `reference`, a run has the paths of its models; with `upload` also their files.
    """

    mlflow: str = ""
    experiment: str = ""
    models: str = "reference"

    def __post_init__(self) -> None:
        """Rejects unknown values, and an experiment without a server."""
        check_names("`models`", "value", [self.models], _MODELS)
        if self.experiment and not self.mlflow:
            raise CompileError(
                f"`experiment` is {self.experiment!r}, but `mlflow` is not set. Set it to the URI "
                "of an MLflow server, or remove the table."
            )


def tracking_of(path: Path | None) -> Tracking:
    """Reads the table [tracking] of a profile, and no other table.

    Args:
        path: The file; None for `headrace.toml` of the current directory, if it exists.

    Raises:
        CompileError: The file is missing or no TOML, or the table has an error.
    """
    tables, source = read_toml(path)
    tracking = read_table(source, "tracking", Tracking, tables.get("tracking", {}))
    if not tracking.mlflow or "://" in tracking.mlflow or ":" in tracking.mlflow:
        return tracking
    return replace(tracking, mlflow=str((source.parent / tracking.mlflow).absolute()))

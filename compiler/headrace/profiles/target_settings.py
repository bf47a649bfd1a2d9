"""The fields that the profile's table of every target has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetSettings:
    """The settings that every target has in its own table.

    Attributes:
        pipeline_root: Directory of all artifacts.
        display_name: Name of runs for people; empty for the pipeline's name.
        parameters: Values of run parameters, by name. Those that a pipeline does not have are
            of other pipelines.
        pipeline_parameters: The same for single pipelines, by the pipeline's name; they take
            precedence over `parameters`.
    """

    pipeline_root: str = ""
    display_name: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    pipeline_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def google_cloud(self) -> tuple[str, str]:
        """The Google Cloud project and region in which it runs; empty if there is none."""
        return "", ""

"""A pipeline on its way through the passes, with all that they ask of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.profiles.profile import Profile
from headrace.profiles.tasks import ScopedSettings, TaskPath


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A pipeline that is being compiled for a target. Each pass makes a new one.

    Attributes:
        spec: The `PipelineSpec` after the passes so far.
        platform: Its `PlatformSpec`; empty unless kfp-kubernetes was used, or the target writes
            one.
        settings: The profile's settings for each task; empty for a target without tables in it.
        profile: The profile.
        directory: The directory for relative paths of module files.
        values: The given values of the run's parameters; None if they are not known yet.
        notes: Lines for the author.
    """

    spec: Mapping[str, Any]
    platform: Mapping[str, Any]
    settings: Mapping[TaskPath, ScopedSettings]
    profile: Profile
    directory: Path
    values: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())

"""All of `headrace.toml`.

Paths are relative to the file. Every field is optional; a target reports which ones it needs.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from headrace.errors import CompileError
from headrace.profiles.beam import BeamRunner
from headrace.profiles.caching import Caching
from headrace.profiles.images import DEFAULT_DIGESTS_FILE, Images
from headrace.profiles.tables import (
    DEFAULT_FILE,
    check_names,
    check_table,
    read_table,
    read_tables,
    read_toml,
)
from headrace.profiles.target_settings import TargetSettings
from headrace.profiles.tasks import TaskSettings, TaskTables
from headrace.profiles.tracking import Tracking
from headrace.target_registry import settings_class, with_settings

T = TypeVar("T", bound=TargetSettings)

_TASK_TABLES = ("defaults", "components", "tasks")
_TABLES = ("images", "beam", "caching", "tracking", *_TASK_TABLES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """All of `headrace.toml`; `passes.task_settings` finds the settings for a pipeline's tasks.

    Attributes:
        images: Where the component images are stored.
        targets: The tables of targets that the file has, for example [vertex].
        beam: Where Beam runs, by name.
        caching: How caches of services learn about data that components read elsewhere.
        tracking: Where runs on this machine are logged.
        tasks: Settings of tasks on every remote target.
        target_tasks: Settings of tasks on one target, by its name; they take precedence over
            `tasks`.
        source: Name of the file, for messages.
        directory: The directory for relative paths.
    """

    images: Images = field(default_factory=Images)
    targets: tuple[TargetSettings, ...] = ()
    beam: Mapping[str, BeamRunner] = field(default_factory=dict)
    caching: Caching = field(default_factory=Caching)
    tracking: Tracking = field(default_factory=Tracking)
    tasks: TaskTables = field(default_factory=TaskTables)
    target_tasks: Mapping[str, TaskTables] = field(default_factory=dict)
    source: str = DEFAULT_FILE
    directory: Path = Path()

    def table_of(self, settings: type[T]) -> T:
        """Returns a target's own table, with its defaults if the file does not have it."""
        return next((each for each in self.targets if isinstance(each, settings)), settings())

    @property
    def google_cloud(self) -> tuple[str, str]:
        """The Google Cloud project and region in which a target runs; empty if there is none."""
        found = [each.google_cloud for each in self.targets if any(each.google_cloud)]
        return found[0] if found else ("", "")

    @property
    def digests_path(self) -> Path:
        """The file that digests are read from, whether it is there or not."""
        return self.directory / (self.images.digests_file or DEFAULT_DIGESTS_FILE)

    def __post_init__(self) -> None:
        """Rejects tasks that run on a Beam that no table describes."""
        for tables in (self.tasks, *self.target_tasks.values()):
            every = (tables.defaults, *tables.components.values(), *tables.tasks.values())
            names = [settings.beam for settings in every if settings.beam]
            check_names(f"{self.source}: `beam`", "table", names, tuple(self.beam))


def read_profile(path: Path | None = None) -> Profile:
    """Reads a profile.

    Args:
        path: The TOML file; None reads `headrace.toml` of the current directory, or uses all
            defaults if that does not exist.

    Raises:
        CompileError: The file is missing or no TOML, or a setting is unknown or of another type.
    """
    tables, path = read_toml(path)
    if not tables and not path.is_file():
        return Profile()
    check_names(str(path), "table", tables, (*_TABLES, *with_settings()))
    targets, target_tasks = [], {}
    for name in with_settings():
        if name in tables:
            own, target_tasks[name] = _target(path, name, tables[name])
            targets.append(read_table(path, name, settings_class(name), own))
    profile = Profile(
        images=read_table(path, "images", Images, tables.get("images", {})),
        targets=tuple(targets),
        beam=read_tables(path, "beam", BeamRunner, tables.get("beam", {})),
        caching=read_table(path, "caching", Caching, tables.get("caching", {})),
        tracking=read_table(path, "tracking", Tracking, tables.get("tracking", {})),
        tasks=_task_tables(path, "", tables),
        target_tasks=target_tasks,
        source=str(path),
        directory=path.parent,
    )
    return dataclasses.replace(profile, images=_with_digests_file(profile))


def _target(path: Path, name: str, table: Any) -> tuple[dict[str, Any], TaskTables]:
    """Divides a target's table into its own settings and those of tasks."""
    check_table(f"{path}: `{name}`", name, table)
    own = {key: value for key, value in table.items() if key not in _TASK_TABLES}
    return own, _task_tables(path, f"{name}.", table)


def _task_tables(path: Path, prefix: str, tables: Mapping[str, Any]) -> TaskTables:
    def settings(name: str) -> dict[str, TaskSettings]:
        return read_tables(path, f"{prefix}{name}", TaskSettings, tables.get(name, {}))

    defaults = tables.get("defaults", {})
    return TaskTables(
        defaults=read_table(path, f"{prefix}defaults", TaskSettings, defaults),
        components=settings("components"),
        tasks=settings("tasks"),
    )


def _with_digests_file(profile: Profile) -> Images:
    named = profile.images.digests_file
    path = profile.digests_path
    if not path.is_file():
        if named:
            raise CompileError(
                f"{profile.source}: `digests_file` is {named!r}, which is not a file. "
                "Build and push the images first, or correct the path."
            )
        return profile.images
    try:
        digests = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise CompileError(
            f"{path}: not JSON: {error}. It maps image names to digests; write it again."
        ) from error
    if not isinstance(digests, dict):
        raise CompileError(
            f"{path}: holds a {type(digests).__name__}, expected an object from image name to "
            "digest. Write it again."
        )
    return dataclasses.replace(profile.images, digests={**digests, **profile.images.digests})

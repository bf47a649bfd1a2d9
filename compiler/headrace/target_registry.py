"""The targets that there are. A new one is a folder of `headrace.targets`, and a line here."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

TargetName = Literal["local", "kubeflow", "vertex"]
"""The keys of `TARGETS`, for authors' editors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """The properties of a target that are needed before its modules are imported.

    Attributes:
        suffix: How the names of its files end.
        settings: Class of its table of the profile, in its module `settings`; empty for a target
            without a table.
        has_service: Whether a service runs its pipelines: `headrace submit` and `schedules` take
            it, and `headrace runs` too.
        has_runs: Whether `headrace runs` takes it without a service.
        has_lineage: Whether `headrace lineage` takes it.
        has_checks: Whether `headrace doctor` takes it.
    """

    suffix: str = ".json"
    settings: str = ""
    has_service: bool = False
    has_runs: bool = False
    has_lineage: bool = False
    has_checks: bool = False


TARGETS: Mapping[str, Registered] = {
    "local": Registered(has_runs=True, has_lineage=True),
    "kubeflow": Registered(
        suffix=".yaml", settings="Kubeflow", has_service=True, has_lineage=True, has_checks=True
    ),
    "vertex": Registered(settings="Vertex", has_service=True),
}
"""By the name that `--target` takes. It is that of the folder, and of the table in the profile."""


def with_service() -> list[str]:
    """Returns the names of the targets whose pipelines a service runs."""
    return [name for name, each in TARGETS.items() if each.has_service]


def with_runs() -> list[str]:
    """Returns the names of the targets whose runs are shown here."""
    return [name for name, each in TARGETS.items() if each.has_service or each.has_runs]


def with_lineage() -> list[str]:
    """Returns the names of the targets whose lineage is read here."""
    return [name for name, each in TARGETS.items() if each.has_lineage]


def with_checks() -> list[str]:
    """Returns the names of the targets whose cluster is looked at."""
    return [name for name, each in TARGETS.items() if each.has_checks]


def with_settings() -> list[str]:
    """Returns the names of the targets that have a table in the profile."""
    return [name for name, each in TARGETS.items() if each.settings]


def settings_class(name: str) -> Any:
    """Returns the class of a target's table of the profile."""
    module = importlib.import_module(f"headrace.targets.{name}.settings")
    return getattr(module, TARGETS[name].settings)

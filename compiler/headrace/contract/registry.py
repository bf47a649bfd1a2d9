"""The targets that there are. A new one is a folder of `headrace.targets`, and a line here."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from headrace.contract.target import Target
from headrace.errors import CompileError

TargetName = Literal["local", "kubeflow", "vertex"]
"""The keys of `TARGETS`, for authors' editors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """What commands ask of a target before they import it.

    Attributes:
        has_service: Whether a service runs its pipelines: `headrace submit`, `runs` and
            `schedules` take it.
        has_lineage: Whether `headrace lineage` takes it.
    """

    has_service: bool = False
    has_lineage: bool = False


TARGETS: Mapping[str, Registered] = {
    "local": Registered(has_lineage=True),
    "kubeflow": Registered(has_service=True, has_lineage=True),
    "vertex": Registered(has_service=True),
}
"""By the name that `--target` takes, which is that of the folder: its module `target` has an object
`TARGET`."""


def with_service() -> list[str]:
    """Returns the names of the targets whose pipelines a service runs."""
    return [name for name, each in TARGETS.items() if each.has_service]


def with_lineage() -> list[str]:
    """Returns the names of the targets whose lineage is read here."""
    return [name for name, each in TARGETS.items() if each.has_lineage]


def target_named(name: str) -> Target:
    """Returns a target. Its modules are imported when it is first asked for.

    Raises:
        CompileError: There is no such target.
    """
    if name not in TARGETS:
        raise CompileError(
            f"compile: target {name!r} is unknown, expected one of {list(TARGETS)}. Name one."
        )
    target: Target = importlib.import_module(f"headrace.targets.{name}.target").TARGET
    return target

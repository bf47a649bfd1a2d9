"""Refuses several machines for tasks that one machine runs."""

from collections.abc import Mapping
from typing import Any

from headrace.errors import CompileError
from headrace.ir import specs
from headrace.profiles.tasks import ScopedSettings, TaskPath
from headrace_components.contract.declaration import find, names


def check_workers(
    spec: Mapping[str, Any], settings: Mapping[TaskPath, ScopedSettings], source: str
) -> None:
    """Checks that tasks with several `workers` divide their work among them.

    A container of the author's own may, so it is left alone.

    Args:
        spec: A pipeline as kfp compiles it.
        settings: The profile's settings for each task.
        source: Name of the profile, for messages.

    Raises:
        CompileError: A task of a component that would do all of its work on every machine.
    """
    for node in specs.tasks(spec):
        workers = settings.get(node.path, ScopedSettings()).merged.workers or 1
        component = node.headrace_name
        if workers > 1 and component is not None and component not in (able := _able()):
            raise CompileError(
                f"{source}: task `{node.label}`: has `workers` = {workers}, but only "
                f"{' and '.join(able)} trains on several machines, and this is "
                f"{component}. Remove it; `beam` spreads over machines what reads rows."
            )


def _able() -> list[str]:
    """Returns the components whose tasks may run on several machines."""
    return [name for name in names() if (found := find(name)) and found.several_machines]

"""The interface of a runner, and its requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from headrace.targets.local.records.attempt import Attempt
from headrace.targets.local.shared.results import TaskInputs


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskProcess:
    """The process of one attempt at a task.

    Attributes:
        task: Path of the task, for messages.
        component: Name of a component of Headrace; None for a foreign one.
        image: Reference of the container's image.
        command: The container's command.
        arguments: The container's arguments.
        environment: The container's environment.
        resources: The container's `ResourceSpec` message.
        inputs: The task's inputs.
        attempt: Where it writes.
        log: The file that its output is appended to.
        imports: Components that the run may need soon, for a worker to import.
    """

    task: str
    component: str | None
    image: str
    command: Sequence[str]
    arguments: Sequence[str]
    environment: Mapping[str, str]
    resources: Mapping[str, Any]
    inputs: TaskInputs
    attempt: Attempt
    log: Path
    imports: Sequence[str]


class Runner(Protocol):
    """Starts the processes of one run's tasks."""

    async def run(self, process: TaskProcess) -> int:
        """Runs a task and returns its exit status; negative if a signal killed it.

        Raises:
            InputError: The task is nothing that can run here.
            PlatformError: The process that starts the tasks failed.
        """

    async def close(self) -> None:
        """Ends every task that still runs."""

"""Chooses how a task's process comes to be."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from headrace.backends.local.runners.client import Nursery, Request

RunnerName = Literal["worker", "process"]

_PYTHON_NAMES = frozenset({"python", "python3"})
_RUN_THE_REST = '"$0" "$@"'


class Runner:
    """Starts the processes of one run's tasks.

    With `worker`, a component of Headrace runs in a process forked from one that has imported what
    it needs. With `process`, it gets a fresh interpreter. A foreign component's command always runs
    as it is on this machine, not in its image: what it calls must be installed here.

    Args:
        name: `worker` or `process`.
        directory: The tasks' working directory.
        logs: Where the runner's own logs go.
    """

    def __init__(self, name: RunnerName, directory: Path, logs: Path) -> None:
        self._name = name
        self._directory = directory
        self._warm = Nursery(logs / "_worker.log")
        self._plain = Nursery(logs / "_process.log")

    async def run(
        self,
        component: str | None,
        command: Sequence[str],
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        imports: Sequence[str],
    ) -> int:
        """Runs a task and returns its exit status; negative if a signal killed it.

        Args:
            component: Name of a component of Headrace; None for a foreign one.
            command: The container's command.
            arguments: The container's arguments.
            environment: The container's environment.
            log: The file that the task's output is appended to.
            imports: Components that the run may need soon, for the worker to import.

        Raises:
            PlatformError: The process that starts the tasks died.
        """
        warm = component is not None and self._name == "worker"
        request = Request(
            component=component if warm else None,
            command=arguments if warm else on_this_machine([*command, *arguments]),
            environment={
                "TF_CPP_MIN_LOG_LEVEL": "2",
                "PYTHONUNBUFFERED": "1",
                # A shell that calls python3 means the environment that Headrace runs in.
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
                **environment,
            },
            directory=self._directory,
            log=log,
        )
        return await (self._warm.run(request, imports) if warm else self._plain.run(request))

    async def close(self) -> None:
        """Ends every task that still runs."""
        await self._warm.close()
        await self._plain.close()


def on_this_machine(command: Sequence[str]) -> list[str]:
    """Returns the command as it runs without its image.

    Python is this interpreter. A lightweight component of kfp first installs packages with pip;
    that step is left out, since it would change the environment that everything here runs in.
    """
    if list(command[:2]) == ["sh", "-c"] and "pip install" in command[2]:
        skipped = command[2].rstrip().endswith(_RUN_THE_REST)
        command = command[3:] if skipped else command
    if command[0] in _PYTHON_NAMES or shutil.which(command[0]) is None:
        name = Path(command[0]).name
        command = [sys.executable if name in _PYTHON_NAMES else command[0], *command[1:]]
    return list(command)

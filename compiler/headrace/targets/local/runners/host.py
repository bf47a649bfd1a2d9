"""Runs tasks as processes of this machine."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from headrace.targets.local.runners import kept_nursery, package_steps
from headrace.targets.local.runners.environments import Environment, Environments
from headrace.targets.local.runners.nursery_client import Nursery, ProcessRequest
from headrace.targets.local.runners.runner import TaskProcess
from headrace.targets.local.shared.options import RunnerName
from headrace_components.contract.declaration import is_isolated
from headrace_components.contract.errors import InputError

_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_OUR_VARIABLES = "HEADRACE_"
# An image that has Python and nothing else: `python:3.11`, `registry/ubi9/python-311:latest`.
_PLAIN_IMAGE = re.compile(r"([^@]*/)?python(-\d+)?(:[^/@]*)?(@.*)?")


class HostRunner:
    """Starts the processes of one run's tasks.

    With `worker`, a component of Headrace runs in a process forked from one that has done the
    imports. If it has its own variables, which libraries may read at import, it gets a new
    interpreter. With `process`, every component gets a new interpreter. With `venv`, and always for
    isolated components, this is the interpreter of an environment made from its image's lock. The
    command of a foreign component runs on this machine unchanged.

    Args:
        name: `worker`, `process` or `venv`.
        directory: The tasks' working directory.
        logs: Where the runner's own logs go.
        notify: Gets a line about each slow step besides the tasks.
        keep_worker: Whether the process that has done the imports stays for the next run.
    """

    def __init__(
        self,
        name: RunnerName,
        directory: Path,
        logs: Path,
        notify: Callable[[str], None],
        *,
        keep_worker: bool = False,
    ) -> None:
        self._name = name
        self._directory = directory
        self._keep_worker = keep_worker
        log = logs / "_worker.log"
        self._warm = kept_nursery.take(log) if keep_worker else Nursery(log)
        self._plain = Nursery(logs / "_process.log")
        self._environments = Environments(self._plain.run, logs / "_environments.log", notify)

    async def run(self, process: TaskProcess) -> int:
        """Runs a task and returns its exit status; negative if a signal killed it.

        Raises:
            InputError: The command is nothing that this machine can run, or the environment that it
                needs nothing that this machine can make.
            PlatformError: The process that starts the tasks died, or a package cannot be had.
        """
        name = process.component
        alone = name is not None and (is_isolated(name) or self._name == "venv")
        where = await self._environments.get(str(name)) if alone else _this_environment()
        warm = name is not None and not alone and self._name == "worker"
        warm = warm and not _sets_variables(process.environment)
        steps, line = package_steps.split([*process.command, *process.arguments])
        if name is None and steps.requirements:
            is_whole = steps.has_kfp and _PLAIN_IMAGE.fullmatch(process.image) is not None
            where = await self._environments.of_packages(
                process.task, steps, self._directory, alone=is_whole
            )
        line = (
            list(process.arguments)
            if warm
            else on_this_machine(process.task, line if process.command else [], where.python)
        )
        request = ProcessRequest(
            component=name if warm else None,
            command=line,
            environment={
                "TF_CPP_MIN_LOG_LEVEL": "2",
                "PYTHONUNBUFFERED": "1",
                **where.variables,
                **process.environment,
                "TMPDIR": str(process.attempt.temporary),
            },
            directory=self._directory,
            log=process.log,
        )
        if warm:
            imports = [each for each in process.imports if not is_isolated(each)]
            return await self._warm.run(request, imports)
        return await self._plain.run(request)

    async def close(self) -> None:
        """Ends every task that still runs."""
        if not (self._keep_worker and kept_nursery.give_back(self._warm)):
            await self._warm.close()
        await self._plain.close()
        self._environments.clean_up()


def _this_environment() -> Environment:
    python = Path(sys.executable)
    # A shell that calls python3 means the environment that Headrace runs in.
    path = f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return Environment(python=python, variables={"PATH": path})


def _sets_variables(environment: Mapping[str, str]) -> bool:
    """Returns whether a task has variables other than ours, which are read after the fork.

    Python and libraries read theirs when they start - PYTHONHASHSEED, OMP_NUM_THREADS,
    TF_USE_LEGACY_KERAS - which a forked process has done long ago.
    """
    return any(not name.startswith(_OUR_VARIABLES) for name in environment)


def on_this_machine(task: str, line: Sequence[str], python: Path) -> list[str]:
    """Returns a container's command line in a form without its image: with the given Python.

    Args:
        task: Path of the task, for messages.
        line: The command and its arguments; empty if the container has no command.
        python: The interpreter.

    Raises:
        InputError: There is no command, or this machine does not have the program.
    """
    if line and _PYTHON.fullmatch(Path(line[0]).name):
        return [str(python), *line[1:]]
    if not line or shutil.which(line[0]) is None:
        what = (
            f"its command is {line[0]!r}, which this machine lacks"
            if line
            else "it names no command"
        )
        raise InputError(
            f"{task}: {what}. This runner runs a container's command on this machine, not "
            "in its image. Install the program, or run the pipeline with --runner docker or podman."
        )
    return list(line)

"""Runs each task in a container of its image."""

import asyncio
import contextlib
import re
import resource
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headrace.targets.local.runners.container_command import (
    FLAGS_VARIABLE,
    LABEL,
    container_command,
)
from headrace.targets.local.runners.nursery_client import Nursery, ProcessRequest
from headrace.targets.local.runners.runner import TaskProcess
from headrace.targets.local.shared.container_options import ContainerOptions
from headrace_components.contract.errors import PlatformError

# https://docs.docker.com/engine/containers/run/#exit-status; podman keeps to it.
_ENGINE_FAILED = 125
_NOT_INVOKED = 126  # also if the runtime refused; the task may have ended in the same way
_SIGNALED = 128

# In the words of runc and crun.
_REFUSED_LIMIT = re.compile(r"setting rlimit|setrlimit|RLIMIT_")
# The open files and processes that a component needs.
_ENOUGH = {"nofile": (resource.RLIMIT_NOFILE, 1024), "nproc": (resource.RLIMIT_NPROC, 4096)}

# Its input ends when the backend does, however that ends.
_WATCH = """
cat > /dev/null
engine=$1 label=$2
shift 2
left=$("$engine" ps --all --quiet --filter "label=$label")
[ -z "$left" ] || "$engine" rm --force "$@" $left
"""
_WATCH_SECONDS = 60.0


@dataclass(kw_only=True)
class ContainerRunner:
    """Starts the containers of one run's tasks.

    The engine's client is a process like that of any task. Containers outlive their client, so a
    watcher removes those of the run when the backend closes the runner or is killed.

    Attributes:
        engine: `docker` or `podman`.
        ids: IDs of the images by reference.
        options: The author's wishes.
        root: The pipeline root.
        directory: The directory that the run was started in.
        logs: Where the runner's own logs go.
        run_id: The run.
    """

    engine: str
    ids: Mapping[str, str]
    options: ContainerOptions
    root: Path
    directory: Path
    logs: Path
    run_id: str
    _watcher: asyncio.subprocess.Process | None = field(default=None, init=False)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def __post_init__(self) -> None:
        """Creates the starter of clients; it starts with the first task."""
        self._clients = Nursery(self.logs / "_process.log")

    async def run(self, process: TaskProcess) -> int:
        """Runs a task and returns its exit status; negative if a signal killed it.

        Raises:
            InputError: A parameter is a path that the container would not see.
            PlatformError: The engine cannot run the container.
        """
        command = container_command(
            process,
            engine=self.engine,
            image_id=self.ids[process.image],
            options=self.options,
            root=self.root,
            directory=self.directory,
            run_id=self.run_id,
        )
        async with self._starting:
            if self._watcher is None:
                self._watcher = await self._watch()
        request = ProcessRequest(
            component=None,
            command=command,
            environment={},
            directory=self.directory,
            log=process.log,
            confine=False,  # podman starts what later commands use, and the watcher ends the rest
        )
        status = await self._clients.run(request)
        if failure := self._failure(process, status):
            raise failure
        return _SIGNALED - status if status > _SIGNALED else status

    def _failure(self, process: TaskProcess, status: int) -> PlatformError | None:
        """Returns why the engine did not run a container; None if it did."""
        if status not in (_ENGINE_FAILED, _NOT_INVOKED):
            return None
        lines = process.log.read_text("utf-8", "replace").strip().splitlines()
        last_line = lines[-1] if lines else "it printed nothing"
        if _REFUSED_LIMIT.search(last_line):
            advice = (
                f"This process may not set the limits that {self.engine} asks for. Set "
                f"{FLAGS_VARIABLE}='{_own_limits()}', whose options are added to `{self.engine} "
                "run`, or start Headrace where `ulimit -Hn` and `ulimit -Hu` are higher."
            )
        elif status == _ENGINE_FAILED:
            advice = f"The command is `{self.engine} run`; {FLAGS_VARIABLE} adds options to it."
        else:
            return None  # the task's own exit status
        return PlatformError(
            f"{process.task}: {self.engine} could not run its container: {last_line}. {advice}"
        )

    async def close(self) -> None:
        """Ends every task that still runs."""
        await self._clients.close()
        if self._watcher is not None and self._watcher.stdin is not None:
            self._watcher.stdin.close()
            with contextlib.suppress(TimeoutError):  # the engine hangs: the watcher tries again
                await asyncio.wait_for(self._watcher.wait(), _WATCH_SECONDS)

    async def _watch(self) -> asyncio.subprocess.Process:
        # Python, as the first process of a container, ignores podman's first signal.
        at_once = ["--time", "0"] if self.engine == "podman" else []
        with (self.logs / "_containers.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *("sh", "-c", _WATCH, "sh", self.engine, f"{LABEL}={self.run_id}", *at_once),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # signals to the backend's group are not for it
            )


def _own_limits() -> str:
    """Returns options by which a container has limits that this process may set."""
    words = []
    for name, (kind, enough) in _ENOUGH.items():
        _, hard = resource.getrlimit(kind)
        limit = enough if hard == resource.RLIM_INFINITY else min(enough, hard)
        words.append(f"--ulimit {name}={limit}:{limit}")
    return " ".join(words)

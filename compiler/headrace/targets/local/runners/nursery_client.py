"""The backend's side of a nursery."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.targets.local.runners.guard import GRACE_SECONDS
from headrace_components.contract.errors import PlatformError

_END_SECONDS = 5.0
# A nursery that dies without a task to blame is started again, once.
_TRIES = 2
# A task's message may carry a module file, which is packed into a parameter.
_MAX_LINE_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessRequest:
    """A process to start for a task.

    Attributes:
        component: The component of Headrace to run in a forked process; None to run `command`.
        command: A program and its arguments; with `component`, the arguments alone.
        environment: The variables to add to the environment.
        directory: Working directory.
        log: The file that standard output and standard error are appended to.
        confine: Whether processes that it starts end with it; they get a signal before they are
            killed.
    """

    component: str | None
    command: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    log: Path
    confine: bool = True


class Nursery:
    """Has a nursery process start tasks: one from the first request on, a new one if it dies.

    Args:
        log: Where the nursery's own output goes.
        inherited: What its tasks inherit, if it may be kept after a run; see `kept_nursery`.
    """

    def __init__(self, log: Path, inherited: tuple[str, dict[str, str]] | None = None) -> None:
        self.inherited = inherited
        self._log = log
        self._process: _Process | None = None
        self._starting = asyncio.Lock()

    @property
    def is_idle(self) -> bool:
        """Whether there is a process, and it has no task."""
        return self._process is not None and self._process.is_idle

    def log_at(self, log: Path) -> None:
        """Has the output of a process that is started from now on go to another file."""
        self._log = log

    async def run(self, request: ProcessRequest, imports: Sequence[str] = ()) -> int:
        """Runs a process and returns its exit status; negative if a signal killed it.

        Args:
            request: The task to run.
            imports: Components to import in the background; only those of a request that starts the
                nursery count, unless it may be kept.

        Raises:
            PlatformError: The nursery died when the task may have begun, or twice before.
        """
        for _ in range(_TRIES):
            async with self._starting:
                if self._process is None or self._process.is_dead:
                    self._process = await _Process.start(self._log, imports)
            process = self._process
            if self.inherited is not None:
                process.want(imports)
            try:
                return await process.run(request)
            except _NotBegunError:
                await process.tasks_ended()
            except _LostError as error:
                if process.is_dead:
                    await process.tasks_ended()
                raise self._dead() from error
        raise self._dead()

    async def close(self) -> None:
        """Ends the nursery and every task that still runs in it."""
        if self._process is not None:
            await self._process.close()

    def _dead(self) -> PlatformError:
        return PlatformError(
            f"headrace run: the process that starts the tasks ended; its log is {self._log}. "
            "Perhaps memory ran out. Resume the run, or use --runner process."
        )


class _NotBegunError(Exception):
    """The process died before it took a request."""


class _LostError(Exception):
    """The guard of a task died, so it is unknown how the task ended."""


class _Process:
    """One nursery process and its requests."""

    def __init__(
        self, process: asyncio.subprocess.Process, writer: asyncio.StreamWriter, lifeline: int
    ) -> None:
        self.is_dead = False
        self._process = process
        self._writer = writer
        self._lifeline = lifeline
        self._reading: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._begun: set[int] = set()
        self._wanted: set[str] = set()
        self._next_id = 0

    @classmethod
    async def start(cls, log: Path, imports: Sequence[str]) -> "_Process":
        """Starts a process that imports components in the background."""
        ours, theirs = socket.socketpair()
        lifeline, held = os.pipe()
        try:
            with theirs, log.open("ab") as output:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "headrace.targets.local.runners.nursery",
                    str(theirs.fileno()),
                    str(held),
                    str(os.getpid()),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=[theirs.fileno(), held],
                    # Ctrl-C on the terminal is for the backend, which ends its tasks in order.
                    start_new_session=True,
                    env={"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ},
                )
        finally:
            os.close(held)
        reader, writer = await asyncio.open_connection(sock=ours, limit=_MAX_LINE_BYTES)
        self = cls(process, writer, lifeline)
        self._reading = asyncio.create_task(self._read(reader))
        self.want(imports)
        return self

    @property
    def is_idle(self) -> bool:
        """Whether it lives, and has no task."""
        return not self.is_dead and not self._waiting

    def want(self, imports: Sequence[str]) -> None:
        """Has it import components in the background that it was not asked for yet."""
        new = [each for each in imports if each not in self._wanted]
        self._wanted |= set(new)
        if not self.is_dead:
            self._send({"import": new})

    async def run(self, request: ProcessRequest) -> int:
        """Runs a process and returns its exit status.

        Raises:
            _NotBegunError: The nursery died before.
            _LostError: The nursery or the task's guard died.
        """
        if self.is_dead:
            raise _NotBegunError
        self._next_id += 1
        number = self._next_id
        self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {
            "id": number,
            "environment": dict(request.environment),
            "directory": str(request.directory),
            "log": str(request.log),
            "confine": request.confine,
        }
        if request.component is None:
            self._send({**message, "command": list(request.command)})
        else:
            arguments = list(request.command)
            self._send({**message, "component": request.component, "arguments": arguments})
        return await self._waiting[number]

    async def tasks_ended(self) -> None:
        """Waits until nothing is left of a process that died: its tasks end a little later."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._await_end())
        await asyncio.shield(self._ending)

    async def _await_end(self) -> None:
        await self._process.wait()
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(self._lifeline, ended.set)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), GRACE_SECONDS)
        loop.remove_reader(self._lifeline)
        os.close(self._lifeline)

    async def close(self) -> None:
        """Ends the process and every task that still runs in it."""
        with contextlib.suppress(ProcessLookupError):
            if self._waiting:
                self._process.terminate()
                with contextlib.suppress(TimeoutError):  # stuck in an import of native code
                    await asyncio.wait_for(self._process.wait(), GRACE_SECONDS + _END_SECONDS)
            # Without tasks nothing is lost, and a running import need not finish.
            self._process.kill()
        await self.tasks_ended()
        if self._reading is not None:
            self._reading.cancel()
        self._writer.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        # However the connection ends - in order, reset, broken while something is written, in the
        # middle of a line - everybody who waits hears of it.
        try:
            with contextlib.suppress(OSError):
                while (line := await reader.readline()).endswith(b"\n"):
                    self._take(json.loads(line))
        finally:
            self.is_dead = True
            for number, waiting in self._waiting.items():
                if not waiting.done():
                    waiting.set_exception(
                        _LostError() if number in self._begun else _NotBegunError()
                    )

    def _take(self, answer: Mapping[str, Any]) -> None:
        number = answer["id"]
        if answer.get("begins"):
            self._begun.add(number)
            return
        waiting = self._waiting.pop(number)
        if waiting.done():  # the run was interrupted
            return
        if answer["status"] is None:
            waiting.set_exception(_LostError())
        else:
            waiting.set_result(answer["status"])

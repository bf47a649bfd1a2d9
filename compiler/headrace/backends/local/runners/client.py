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

from headrace_components.errors import PlatformError

_END_SECONDS = 5.0
# A task's message may carry a module file, which is packed into a parameter.
_MAX_LINE_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A process to start for a task.

    Attributes:
        component: The component of Headrace to run in a forked process; None to run `command`.
        command: A program and its arguments; with `component`, the arguments alone.
        environment: What to add to the environment.
        directory: Working directory.
        log: The file that standard output and standard error are appended to.
    """

    component: str | None
    command: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    log: Path


class Nursery:
    """Starts a nursery process on the first request and passes requests to it.

    Args:
        log: Where the nursery's own output goes.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._next_id = 0
        self._starting = asyncio.Lock()

    async def run(self, request: Request, imports: Sequence[str] = ()) -> int:
        """Runs a process and returns its exit status; negative if a signal killed it.

        Args:
            request: What to run.
            imports: Components to import in the background; only the first request's count.

        Raises:
            PlatformError: The nursery died.
        """
        async with self._starting:
            if self._process is None:
                await self._start()
                self._send({"import": list(imports)})
        self._next_id += 1
        number = self._next_id
        self._waiting[number] = asyncio.get_running_loop().create_future()
        if self._reading is None or self._reading.done():
            raise self._dead()
        message = {
            "id": number,
            "environment": dict(request.environment),
            "directory": str(request.directory),
            "log": str(request.log),
        }
        if request.component is None:
            self._send({**message, "command": list(request.command)})
        else:
            arguments = list(request.command)
            self._send({**message, "component": request.component, "arguments": arguments})
        return await self._waiting[number]

    async def close(self) -> None:
        """Ends the nursery and every task that still runs in it."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if self._waiting:
                self._process.terminate()
                await self._ended()
            # Without tasks nothing is lost, and an import need not come to its end.
            self._process.kill()
        await self._process.wait()
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()

    async def _ended(self) -> None:
        if self._process is not None:
            with contextlib.suppress(TimeoutError):  # stuck in an import of native code
                await asyncio.wait_for(self._process.wait(), _END_SECONDS)

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs, self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "headrace.backends.local.runners.nursery",
                str(theirs.fileno()),
                str(os.getpid()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                # Ctrl-C on the terminal is for the backend, which then ends its tasks in order.
                start_new_session=True,
                env={"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ},
            )
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=_MAX_LINE_BYTES)
        self._reading = asyncio.create_task(self._read(reader))

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._writer is not None:
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionResetError):
            while line := await reader.readline():
                answer = json.loads(line)
                waiting = self._waiting.pop(answer["id"])
                if not waiting.done():  # else the run was interrupted
                    waiting.set_result(answer["status"])
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(self._dead())

    def _dead(self) -> PlatformError:
        return PlatformError(
            f"headrace run: the process that starts the tasks ended; its log is {self._log}. "
            "Perhaps memory ran out. Resume the run, or use --runner process."
        )

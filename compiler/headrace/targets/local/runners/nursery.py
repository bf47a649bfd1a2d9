"""A process whose children are the tasks: it imports their modules once, and forks.

TensorFlow takes seconds to import. The nursery imports the executors of a pipeline's components one
after the other, in the order in which the pipeline needs them. Between two imports it serves
requests. Each task gets its own process, with its own session, environment, log file and working
directory, below a guard that ends what the task started. A task is as isolated as in a new process:
it can be killed in the same way, and its memory is freed in the same way. But its imports are
already done.

Foreign commands run here as well, by a nursery that imports nothing: one way to start, watch and
kill tasks is enough.

Run as `python -m headrace.targets.local.runners.nursery SOCKET LIFELINE PARENT`: two descriptors
and a process ID. Requests and answers are JSON, one per line:

    {"import": ["csv_example_gen", ...]}                what to import, in this order
    {"id": 1, "component": "trainer", "arguments": [...], "environment": {...},
     "directory": "/home/me", "log": "/.../trainer.log", "confine": true}
    {"id": 2, "command": ["python", "-c", "..."], ...}  a command instead of a component
    {"id": 1, "begins": true}                           the first answer: it may have run
    {"id": 1, "status": 0}                              the last; negative: killed by that signal;
                                                        null: nobody knows, its guard was killed

Nothing may start a thread in this process, because a fork would copy its locks without the thread.
Standard library only, except for the imports of executors.
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
import traceback
import warnings
from collections import deque
from typing import Any, NoReturn

from headrace.targets.local.runners import guard
from headrace_components.contract.task import import_executor, run_component

_SIGNALS = (signal.SIGCHLD, signal.SIGTERM)
_POLL_SECONDS = 0.02
_KILL_ROUNDS = 50


class _Nursery:
    def __init__(self, connection: socket.socket, lifeline: int) -> None:
        self._connection = connection
        self._lifeline = lifeline
        self._buffer = b""
        self._imports: deque[str] = deque()
        self._requests: deque[dict[str, Any]] = deque()
        # By the process ID of its guard: a task's number and the file of its exit status.
        self._guards: dict[int, tuple[int, int]] = {}
        self._is_ending = False
        # A signal writes to these to wake `select`, even if it arrives just before `select` waits.
        self._woken, self._waking = os.pipe()
        for end in (self._woken, self._waking):
            os.set_blocking(end, False)

    def serve(self) -> NoReturn:
        # A finished task is reported at once, even in the middle of an import.
        signal.signal(signal.SIGCHLD, lambda *_: self._reap())
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self._waking, warn_on_full_buffer=False)
        while True:
            busy = bool(self._imports or self._requests)
            asked = self._connection.fileno()
            ready = select.select([asked, self._woken], [], [], 0 if busy else None)[0]
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._reap()
            if asked in ready:
                self._receive()
            if self._requests:
                self._serve_request(self._requests.popleft())
            elif self._imports:
                self._import(self._imports.popleft())

    def _receive(self) -> None:
        try:
            chunk = self._connection.recv(1 << 20)
        except OSError:
            chunk = b""
        if not chunk:
            self._end()  # the backend is gone
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "import" in message:
                self._imports.extend(message["import"])
            else:
                self._requests.append(message)

    def _serve_request(self, request: dict[str, Any]) -> None:
        component = str(request.get("component"))
        if component in self._imports:
            self._imports.remove(component)
            self._import(component)
        confine = bool(request["confine"])
        if confine:
            guard.adopt_orphans()  # of a guard that is killed
        # Blocked, so that a guard that ends at once is not collected before it is registered, and
        # no signal interrupts writing.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        # Before it begins: of a task that may have begun, the backend starts no second one.
        self._answer({"id": request["id"], "begins": True})
        child, report = guard.start(lambda: self._run_task(request), confine=confine)
        self._guards[child] = (request["id"], report)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _run_task(self, request: dict[str, Any]) -> NoReturn:
        self._connection.close()
        for descriptor in (self._lifeline, self._woken, self._waking):
            os.close(descriptor)
        for _, report in self._guards.values():
            os.close(report)
        _run_child(request)

    def _import(self, component: str) -> None:
        try:
            import_executor(component)
        except Exception:  # the task that needs it imports it again, and fails in its own log
            traceback.print_exc()
        # The children share these objects as long as nobody writes to them; a collection would.
        gc.collect()
        gc.freeze()

    def _reap(self) -> None:
        # Their handlers would come into the middle of this.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        for child in list(self._guards):
            if os.waitpid(child, os.WNOHANG)[0]:
                number, report = self._guards.pop(child)
                status = guard.status_of(report)
                if status is None:
                    self._kill_orphans()
                self._answer({"id": number, "status": status})
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _kill_orphans(self) -> None:
        """Ends the processes below a guard that was killed; only such processes get here."""
        for _ in range(_KILL_ROUNDS):  # a killed process may have started another one meanwhile
            watched = {
                each for known in self._guards for each in (known, *guard.descendants(known))
            }
            left = set(guard.descendants(os.getpid())) - watched
            for process in left:
                with contextlib.suppress(OSError):
                    os.kill(process, signal.SIGKILL)
            if not left:
                return
            for process in left:
                with contextlib.suppress(OSError):
                    os.waitpid(process, os.WNOHANG)
            time.sleep(_POLL_SECONDS)

    def _answer(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the backend is gone
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def _end(self) -> NoReturn:
        """Ends all tasks in order, and then this process."""
        if self._is_ending:
            return  # type: ignore[misc]  # the one that was interrupted goes on
        self._is_ending = True
        deadline = time.monotonic() + guard.GRACE_SECONDS
        for child in list(self._guards):  # those that end meanwhile are reaped
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
        while self._guards and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            self._reap()
        os._exit(0)


def _run_child(request: dict[str, Any]) -> NoReturn:
    code = 1
    try:
        _redirect(request["log"])
        os.chdir(request["directory"])
        os.environ.update(request["environment"])
        # An imported module may have asked for the directory of temporary files, which is then
        # cached.
        tempfile.tempdir = None
        if "command" in request:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, programs do not
            os.execvp(request["command"][0], request["command"])
        code = _run_component(request["component"], request["arguments"])
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:  # the end of a process: report and exit, like the interpreter
        traceback.print_exc()
    finally:
        with contextlib.suppress(ValueError, OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _run_component(component: str, arguments: list[str]) -> int:
    sys.argv = [f"headrace_components.{component}", *arguments]
    if "numpy" in sys.modules:
        # Python seeds its own generator anew after a fork; numpy's global one stays a copy.
        sys.modules["numpy"].random.seed()
    return run_component(component, arguments)


def _redirect(log: str) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, target in ((null, 0), (file, 1), (file, 2)):
        os.dup2(source, target)
    # Both go to one file: line by line they keep their order.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def main() -> NoReturn:
    """Serves the socket of the first descriptor, until the parent of the given ID ends.

    The second descriptor is open in this process and in the guards, so that the backend sees at its
    other end when all of them, and with them all tasks, are gone.
    """
    guard.die_with_parent(signal.SIGTERM, int(sys.argv[3]))
    # Python 3.12 counts native threads too. Those that libraries start at import - OpenBLAS,
    # jemalloc - have their own fork handlers.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    _Nursery(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])).serve()


if __name__ == "__main__":
    main()

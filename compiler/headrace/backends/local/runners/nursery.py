"""A process whose children are the tasks: it imports once what they need, and forks.

TensorFlow takes seconds to import. The nursery imports the executors of a pipeline's components one
after the other, in the order in which the pipeline needs them, and between two imports serves
requests: a child of its own for each task, with its own session, environment, log file and
working directory. A task is as isolated as a fresh process, can be killed like one and gives its
memory back like one, but finds its imports done.

Foreign commands run here as well, by a nursery that imports nothing: one way to start, watch and
kill tasks is enough.

Run as `python -m headrace.backends.local.runners.nursery FD`, FD being a socket. Requests and
answers are JSON, one a line:

    {"import": ["csv_example_gen", ...]}                what to import, in this order
    {"id": 1, "component": "trainer", "arguments": [...], "environment": {...},
     "directory": "/home/me", "log": "/.../trainer.log"}
    {"id": 2, "command": ["python", "-c", "..."], ...}  a command instead of a component
    {"id": 1, "status": 0}                              the answer; negative: killed by that signal

Nobody must start a thread in this process: a fork would copy its locks without it. Standard library
only, but for what the executors import.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
import warnings
from collections import deque
from typing import Any, NoReturn

from headrace_components.task import import_executor, run_component

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class _Nursery:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""
        self._imports: deque[str] = deque()
        self._requests: deque[dict[str, Any]] = deque()
        self._children: dict[int, int] = {}

    def serve(self) -> NoReturn:
        # A finished task is reported at once, even in the middle of an import.
        signal.signal(signal.SIGCHLD, lambda *_: self._reap())
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            busy = bool(self._imports or self._requests)
            if select.select([self._connection], [], [], 0 if busy else None)[0]:
                self._receive()
            if self._requests:
                self._serve_request(self._requests.popleft())
            elif self._imports:
                self._import(self._imports.popleft())

    def _receive(self) -> None:
        chunk = self._connection.recv(1 << 20)
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
        # Blocked, so that a child which ends at once is not reaped before it is known.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            _run_child(request, self._connection, parent)
        self._children[child] = request["id"]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})

    def _import(self, component: str) -> None:
        try:
            import_executor(component)
        except Exception:  # the task that needs it imports it again, and fails in its own log
            traceback.print_exc()
        # The children share these objects as long as nobody writes to them; a collection would.
        gc.collect()
        gc.freeze()

    def _reap(self) -> None:
        for child in list(self._children):
            found, status = os.waitpid(child, os.WNOHANG)
            if found:
                code = os.waitstatus_to_exitcode(status)
                answer = {"id": self._children.pop(child), "status": code}
                self._connection.sendall(json.dumps(answer).encode() + b"\n")

    def _end(self) -> NoReturn:
        for child in list(self._children):  # those that end meanwhile are reaped
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)  # the task and the workers it started
        os._exit(0)


def _run_child(request: dict[str, Any], connection: socket.socket, parent: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        die_with_parent(signal.SIGKILL, parent)
        connection.close()
        _redirect(request["log"])
        os.chdir(request["directory"])
        os.environ.update(request["environment"])
        if "command" in request:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, programs do not
            os.execvp(request["command"][0], request["command"])
        code = _run_component(request["component"], request["arguments"])
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:  # the end of a process: as the interpreter does, tell and exit
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


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Has the kernel send this process a signal when its parent ends, however that ends.

    Only Linux can; elsewhere the closed socket tells, between two imports.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it ended before the call
            os._exit(1)


def main() -> NoReturn:
    """Serves the socket of the given descriptor, until the parent of the given id ends."""
    die_with_parent(signal.SIGTERM, int(sys.argv[2]))
    # Python 3.12 counts native threads too. Those that libraries start at import - OpenBLAS,
    # jemalloc - have fork handlers of their own.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    _Nursery(socket.socket(fileno=int(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()

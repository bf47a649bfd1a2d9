"""Runs components as the local backend's worker does: each a process forked from one that waits.

A fresh process imports TensorFlow for seconds. A forked one finds it imported, and has its own
environment, directory, arguments and end as well.
"""

import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# Before any test changes it.
_ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ}


class _Nursery:
    """The process that is forked."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._lifeline, held = os.pipe()
        module = "headrace.targets.local.runners.nursery"
        numbers = [str(each) for each in (theirs.fileno(), held, os.getpid())]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *numbers],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), held],
                start_new_session=True,
                env=_ENVIRONMENT,
            )
        os.close(held)
        self._answers = self._socket.makefile(encoding="utf-8")
        atexit.register(self._end)

    def run(
        self,
        component: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
    ) -> tuple[int, str]:
        log = directory / "log"
        request = {
            "id": 1,
            "component": component,
            "arguments": list(arguments),
            "environment": dict(environment),
            "directory": str(directory),
            "log": str(log),
            "confine": True,
        }
        self._send({"import": [component]})
        self._send(request)
        while "status" not in (answer := json.loads(self._answers.readline())):
            pass
        return answer["status"], log.read_text("utf-8")

    def _send(self, message: Mapping[str, object]) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def _end(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@functools.cache
def _nursery() -> _Nursery:
    return _Nursery()


def run(
    component: str, arguments: Sequence[str], environment: Mapping[str, str], directory: Path
) -> tuple[int, str]:
    """Runs a component in a forked process.

    Args:
        component: Its name.
        arguments: The arguments of its command.
        environment: What to add to the environment that this process began with.
        directory: Its working directory.

    Returns:
        The exit status, and what it printed.
    """
    return _nursery().run(component, arguments, environment, directory)

"""Runs components like the local backend's worker: each in a process forked from a waiting one.

A new process needs seconds to import TensorFlow. A forked process has it already, and still has its
own environment, directory, arguments and end.
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
    """The process from which others are forked."""

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
        environment: Variables to add to the initial environment of this process.
        directory: Its working directory.

    Returns:
        The exit status, and the printed text.
    """
    return _nursery().run(component, arguments, environment, directory)

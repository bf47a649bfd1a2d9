"""Asks a process beside the server what artifacts hold.

The files are untrusted: a reader in C++ may crash on them, need much memory or never end. The
process is started when it is first needed, kept, and replaced when it dies or takes too long. It
ends when its standard input does, so with the server, however that ends.
"""

import functools
import json
import queue
import subprocess
import sys
import threading
from typing import Any

from headrace_components.contract.errors import InputError

_MODULE = "headrace_components.library.previews.reading"
_MAX_SECONDS = 30.0
_NUM_PROCESSES = 2


class ArtifactReader:
    """Answers questions about artifacts, of several requests at a time."""

    def __init__(self, max_seconds: float = _MAX_SECONDS) -> None:
        """Starts nothing yet.

        Args:
            max_seconds: How long an answer may take.
        """
        self._max_seconds = max_seconds
        self._idle: queue.LifoQueue[subprocess.Popen[str] | None] = queue.LifoQueue()
        for _ in range(_NUM_PROCESSES):
            self._idle.put(None)

    def ask(self, **question: Any) -> Any:
        """Returns the answer to a question of `headrace_components.library.previews.reading`.

        Raises:
            InputError: The artifact is damaged, or reading it takes too long.
        """
        try:
            process = self._idle.get(timeout=self._max_seconds)
        except queue.Empty:
            raise InputError("Other pages are being read. Load this page again.") from None
        kept: subprocess.Popen[str] | None = None
        try:
            if process is None or process.poll() is not None:
                process = _start()
            answer = self._answer(process, json.dumps(question))
            kept = process
        finally:
            if kept is None and process is not None:
                _end(process)
            self._idle.put(kept)
        if "error" in answer:
            raise InputError(str(answer["error"]))
        return answer["answer"]

    def _answer(self, process: subprocess.Popen[str], question: str) -> dict[str, Any]:
        is_late = threading.Event()

        def give_up() -> None:
            is_late.set()
            process.kill()

        timer = threading.Timer(self._max_seconds, give_up)
        timer.start()
        try:
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("the reader was started without pipes")
            process.stdin.write(question + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            process.wait()
            reason = (
                f"takes longer than {self._max_seconds:.0f} seconds"
                if is_late.is_set()
                else "made the process that reads it crash, so it is damaged"
            )
            raise InputError(f"Reading it {reason}.")
        found: dict[str, Any] = json.loads(line)
        return found


def _start() -> subprocess.Popen[str]:
    # -P: the directory in which the server was started must not lend it modules.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue


@functools.cache
def reader() -> ArtifactReader:
    """Returns the reader of this server."""
    return ArtifactReader()

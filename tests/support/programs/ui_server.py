"""`headrace ui`, started as users start it."""

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

_READY_SECONDS = 120.0  # the machine may be busy with other tests


@contextlib.contextmanager
def served(root: Path, *options: str) -> Iterator[str]:
    """Serves the pages over a root on a free port; gives the address that it prints.

    Args:
        root: Root directory of runs, which need not exist.
        options: More options of the command.
    """
    command = [sys.executable, "-m", "headrace.cli.main", "ui", "--root", str(root)]
    command += ["--port", "0", "--no-browser", *options]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as server:
        timer = threading.Timer(_READY_SECONDS, server.kill)
        timer.start()
        try:
            said = []
            for line in server.stdout or ():
                said.append(line)
                if address := re.search(r"http://\S+", line):
                    break
            else:
                raise RuntimeError(f"headrace ui ended before it served: {''.join(said)}")
            timer.cancel()
            yield address[0]
        finally:
            timer.cancel()
            server.terminate()
            rest = server.stdout.read() if server.stdout else ""
            print(rest, end="")  # noqa: T201  pytest shows tracebacks of the server with a failure

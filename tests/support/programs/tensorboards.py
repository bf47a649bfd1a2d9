"""TensorBoard with training logs, started like by users."""

import json
import re
import subprocess
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

_READY_SECONDS = 300.0  # it imports TensorFlow


def scalar_tags(python: Path, logs: Path) -> Any:
    """Serves `logs` over loopback and returns the names of their scalars, by run.

    Args:
        python: The interpreter of the environment whose TensorBoard is started.
        logs: A directory of event files, such as the artifact `model_run`.
    """
    command: list[str | Path] = [
        python,
        "-m",
        "tensorboard.main",
        "--logdir",
        logs,
        "--host",
        "127.0.0.1",
    ]
    command += ["--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        timer = threading.Timer(_READY_SECONDS, server.kill)
        timer.start()
        try:
            said = []
            for line in server.stderr or ():
                said.append(line)
                if address := re.search(r"http://127\.0\.0\.1:\d+/", line):
                    break
            else:
                raise RuntimeError(f"TensorBoard ended before it served: {''.join(said)}")
            # It answers before it has read the logs.
            while not (tags := _get(f"{address[0]}data/plugin/scalars/tags")):
                time.sleep(0.2)
            return tags
        finally:
            timer.cancel()
            server.kill()


def _get(url: str) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url) as answer:
        return json.load(answer)

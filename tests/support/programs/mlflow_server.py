"""A real MLflow tracking server, in an environment of its own that is made once for all runs.

The server needs packages that conflict with those of TFX's libraries; Headrace has its client.
"""

import contextlib
import fcntl
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from support.programs.ports import free_ports

_START_SECONDS = 300.0


@contextlib.contextmanager
def server(folder: Path, port: int = 0) -> Iterator[str]:
    """Runs a server with its data in a folder; returns its URI.

    Args:
        folder: Where its database and the artifacts are; a second server continues with them.
        port: The port to listen on; 0 for a free one.
    """
    port = port or free_ports(1)[0]
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        str(_environment() / "bin/python"),
        *("-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    uri = f"http://127.0.0.1:{port}"
    try:
        _wait(process, uri, folder / "server.log")
        yield uri
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", uri: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text("utf-8")
        with (
            contextlib.suppress(urllib.error.URLError, ConnectionError),
            urllib.request.urlopen(f"{uri}/health", timeout=10) as answer,
        ):
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(log.read_text("utf-8"))


def _environment() -> Path:
    version = importlib.metadata.version("mlflow-skinny")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "headrace/tests")
    python = f"{sys.version_info.major}{sys.version_info.minor}"
    target = cache / f"mlflow-{version}-py{python}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            uv = shutil.which("uv", path=Path(sys.executable).parent) or "uv"
            partial = Path(tempfile.mkdtemp(dir=cache))
            making = [uv, "venv", "--quiet", "--python", sys.executable, str(partial / "env")]
            subprocess.run(making, check=True)
            interpreter = str(partial / "env/bin/python")
            subprocess.run(
                [uv, "pip", "install", "--quiet", "--python", interpreter, f"mlflow=={version}"],
                check=True,
            )
            (partial / "env").rename(target)
            partial.rmdir()
    return target

"""Runs components on a Beam job server, like in a cluster."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from apache_beam.runners.portability.local_job_service import LocalJobServicer

from headrace_components import catalog
from support.programs.ports import free_ports

_START_SECONDS = 120.0


@contextlib.contextmanager
def cluster() -> Iterator[list[str]]:
    """Yields `beam_pipeline_args` of a cluster whose workers are threads of this process."""
    server = LocalJobServicer()
    port = server.start_grpc_server()
    try:
        yield [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{port}",
            "--environment_type=LOOPBACK",
        ]
    finally:
        server.stop()


@contextlib.contextmanager
def worker_pool(log: Path) -> Iterator[str]:
    """Yields the address of the worker pool that an image starts with `--worker_pool`."""
    (port,) = free_ports(1)
    module = "apache_beam.runners.worker.worker_pool_main"
    # The pool starts workers with the command `python`.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", module, f"--service_port={port}"]
    process = start_program(command, log, {"PATH": path})
    try:
        await_port(port, [log])
        yield f"localhost:{port}"
    finally:
        end_program(process)


def await_port(port: int, logs: Sequence[Path] = ()) -> None:
    """Waits until a server listens at a port."""

    def listens() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("localhost", port)) == 0

    await_true(listens, logs)


def await_true(question: Callable[[], bool], logs: Sequence[Path] = ()) -> None:
    """Waits until the answer is true; a refused connection counts as false."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError):
            if question():
                return
        if time.monotonic() > deadline:
            pytest.fail("\n".join(["It did not start.", *(log.read_text("utf-8") for log in logs)]))
        time.sleep(0.1)


def start_program(
    command: Sequence[str], log: Path, variables: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Starts a program in its own process group; its output is appended to a file."""
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            env={**os.environ, **(variables or {})},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def end_program(process: "subprocess.Popen[bytes]") -> None:
    """Kills a program and the processes that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def executor_input(
    component: str,
    root: str,
    output_file: Path,
    parameters: Mapping[str, Any],
    inputs: Sequence[str],
) -> str:
    """Returns the message for a task whose artifacts are under `root`, a path or a URI, by port."""
    outputs = getattr(catalog, component).component_spec.outputs or {}

    def artifact(port: str) -> dict[str, Any]:
        title = outputs[port].type.partition("@")[0] if port in outputs else ""
        entry = {"name": port, "type": {"schemaTitle": title}, "uri": f"{root}/{port}"}
        return {"artifacts": [{**entry, "metadata": {}}]}

    return json.dumps(
        {
            "inputs": {
                "parameterValues": dict(parameters),
                "artifacts": {port: artifact(port) for port in inputs},
            },
            "outputs": {
                "outputFile": str(output_file),
                "artifacts": {port: artifact(port) for port in outputs},
            },
        }
    )

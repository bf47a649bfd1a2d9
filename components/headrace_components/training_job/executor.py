"""Runs a task in several pods: starts them, waits for them, and copies their outputs back.

Kubeflow's launcher downloads a task's inputs into one pod, and uploads the outputs from it. So all
pods mount a volume: the inputs are copied to it, the pods use it like the task's own file system,
and the outputs are copied back.
"""

import argparse
import functools
import hashlib
import json
import logging
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace_components.contract import task as tasks
from headrace_components.contract.errors import ComponentError, InputError, PlatformError
from headrace_components.contract.task import Task
from headrace_components.training_job import jobset, staging
from headrace_components.training_job.jobset_api import JobSetApi

_COMPONENT = "training_job"
_POLL_SECONDS = 5.0
_LOG_LINES = 30


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the task that the command line names, and returns its exit code.

    Args:
        argv: Command line without the program name; the process's own by default.
    """
    parser = argparse.ArgumentParser(prog=f"python -m headrace_components.{_COMPONENT}")
    parser.add_argument("--executor_input", required=True, metavar="JSON")
    parser.add_argument("--workers", required=True, type=int, help="pods that work together")
    parser.add_argument("--shared", required=True, type=Path, help="directory that all pods mount")
    parser.add_argument("--pod", required=True, type=json.loads, help="a pod's metadata and spec")
    arguments = parser.parse_args(argv)
    execute = functools.partial(_execute, arguments=arguments)
    return tasks.main(_COMPONENT, execute, ["--executor_input", arguments.executor_input])


def _execute(task: Task, arguments: argparse.Namespace) -> None:
    digest = hashlib.sha256(arguments.executor_input.encode()).hexdigest()[:16]
    folder = arguments.shared / f"headrace-{digest}"
    shutil.rmtree(folder, ignore_errors=True)  # from an attempt that was killed
    started = time.monotonic()
    message = staging.stage(task, json.loads(arguments.executor_input), folder)
    logging.info("training_job: copied the inputs in %.1f s.", time.monotonic() - started)
    cluster = JobSetApi()
    # A pod that gets SIGTERM has 30 seconds to end the other pods.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        name = jobset.name_of(digest)
        try:
            jobset.start(cluster, name, arguments.pod, arguments.workers, message, digest)
            _wait(cluster, name, arguments.workers, folder)
        finally:
            _delete(cluster, name)
        staging.collect(task, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _delete(cluster: JobSetApi, name: str) -> None:
    try:
        cluster.delete(name)
    except ComponentError as error:
        # The JobSet belongs to this pod, and is deleted with it.
        logging.info("training_job: could not delete the JobSet %s: %s", name, error)


def _wait(cluster: JobSetApi, name: str, workers: int, folder: Path) -> None:
    """Returns when the pods have finished.

    Raises:
        InputError: A pod failed because of the author's mistake.
        PlatformError: A pod failed for another reason, or the JobSet was deleted.
    """
    shown = ""
    while True:
        state = jobset.state(cluster, name)
        pods = jobset.pods(cluster, name)
        line = jobset.described(pods, workers)
        if line != shown:
            logging.info("training_job: %s.", line)
            shown = line
        if state == "Completed":
            return
        if state == "Failed":
            raise _failure(cluster, name, pods, folder)
        time.sleep(_POLL_SECONDS)


def _failure(
    cluster: JobSetApi, name: str, pods: list[dict[str, Any]], folder: Path
) -> InputError | PlatformError:
    pod = jobset.first_failed(pods)
    lines = cluster.log(pod["metadata"]["name"], _LOG_LINES) if pod else []
    for line in lines:
        logging.info("%s: %s", pod["metadata"]["name"] if pod else name, line)
    error_file = folder / "executor_error.json"
    if error_file.is_file():
        error = json.loads(error_file.read_text("utf-8"))
        kind = InputError if error["kind"] == "input" else PlatformError
        return kind(error["message"])
    if pod is None:
        return PlatformError(
            f"the JobSet {name} failed, and none of its pods exists any more. "
            f"See `kubectl describe jobset {name}`, then run the task again."
        )
    return PlatformError(
        f"pod {pod['metadata']['name']} ended with {jobset.ending(pod)}; its last "
        f"line was {lines[-1] if lines else ''!r}. Where it was killed for want of memory, give "
        "the task more; otherwise run it again."
    )

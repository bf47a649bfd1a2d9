"""Starts tasks with a Beam job, each in a process forked from this one, like the worker.

Run it as `python beam_tasks.py`. Requests are lines of JSON on its standard input:

    {"args": [...], "output": "/path", "uri": "gs://bucket/run", "log": "/path"}

The answer to each is two lines: the process ID of the task and, after its end, its exit status,
negative if a signal killed it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import apache_beam as beam
from apache_beam.runners.dataflow import dataflow_runner  # noqa: F401  for all tasks at once

from headrace_components.contract.task import Artifact, _log_to_stderr
from headrace_components.library.beam import job


def run(request: dict[str, Any]) -> NoReturn:
    code = 1
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    _log_to_stderr()

    def build(running: job.Job) -> Any:
        return running.gather(running.pipeline | beam.Create([1]) | beam.Map(str))

    path = Path(request["output"])
    path.mkdir(parents=True, exist_ok=True)
    output = Artifact(key="output", name="", uri=request["uri"], path=path)
    try:
        job.run("test", request["args"], output, build)
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def answer(value: int) -> None:
    sys.stdout.write(f"{value}\n")
    sys.stdout.flush()


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(json.loads(line))
        answer(child)
        answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()

"""A task whose job waits in a worker; its argument is JSON with `args`, `output` and `seconds`."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import apache_beam as beam

from headrace_components.contract.task import Artifact, Task, main
from headrace_components.library.beam import job


def execute_for(request: dict[str, Any], task: Task) -> None:
    """Runs the job, and writes its result beside its output."""
    seconds = request["seconds"]
    waits = Path(f"{request['output']}.waits")

    def wait(number: int) -> int:
        waits.touch()  # workers are on this machine
        time.sleep(seconds)
        return number

    def build(running: job.Job) -> Any:
        created = running.pipeline | beam.Create([1, 2]) | beam.Reshuffle()
        return running.gather(created | beam.Map(wait))

    path = Path(request["output"])
    path.mkdir(parents=True, exist_ok=True)
    output = Artifact(key="output", name="", uri=str(path), path=path)
    gathered = job.run(task.component, request["args"], output, build)
    path.with_name(f"{path.name}.json").write_text(json.dumps(sorted(gathered)), "utf-8")


if __name__ == "__main__":
    found = json.loads(sys.argv[1])
    message = json.dumps({"inputs": {}, "outputs": {"outputFile": f"{found['output']}.output"}})
    arguments = ["--executor_input", message]
    sys.argv[1:] = arguments
    sys.exit(main("waiting", lambda task: execute_for(found, task)))

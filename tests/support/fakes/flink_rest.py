"""Answers like the REST API of Flink 1.19, for jobs of a job server in this process.

The form of the answers was recorded. As in Flink, a job continues after its job server has
cancelled it.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.local_job_service import LocalJobServicer

from support.fakes.local_http import JsonHandler, serving

_OVERVIEW = {"end-time": -1, "duration": 36508, "last-modification": 1796006117061}
_TASKS = {"running": 9, "canceled": 0, "total": 11, "scheduled": 0, "finished": 2, "failed": 0}


class FlinkRest:
    """The state of a cluster.

    Attributes:
        url: Of its REST API.
        jobs: State of each job by its name; those of the job server are added when it runs them.
        ended: Names of the jobs that were cancelled here, in this order.
        delay_seconds: The time until a job from its job server arrives here.
    """

    def __init__(self, server: LocalJobServicer) -> None:
        self.url = ""
        self.jobs: dict[str, str] = {}
        self.ended: list[str] = []
        self.delay_seconds = 0.0
        self._server = server
        self._seen: dict[str, float] = {}

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        """Returns status and body."""
        self._look()
        if path == "/jobs/overview":
            return 200, {"jobs": [self._job(name) for name in self.jobs]}
        found = {_id(name): name for name in self.jobs}
        name = found.get(path.removeprefix("/jobs/").partition("?")[0], "")
        if not name:
            return 404, {
                "errors": ["org.apache.flink...NotFoundException: Job not found\n\tat ..."]
            }
        if method == "GET":
            state = self.jobs[name]
            if state == "CANCELLING":
                self.jobs[name] = "CANCELED"
            return 200, {**self._job(name), "state": state}
        if path.endswith("?mode=cancel") and self.jobs[name] != "FINISHED":
            if self.jobs[name] == "RUNNING":
                self.ended.append(name)
                self.jobs[name] = "CANCELLING"
            return 202, {}
        return 409, {"errors": ["...RestHandlerException: Job cancellation failed\n\tat ..."]}

    def _look(self) -> None:
        for job in list(self._server._jobs.values()):
            name = job._pipeline_options.fields["beam:option:job_name:v1"].string_value
            if job.state in (0, beam_job_api_pb2.JobState.STOPPED):
                continue
            first = self._seen.setdefault(name, time.monotonic())
            if time.monotonic() >= first + self.delay_seconds:
                self.jobs.setdefault(name, "RUNNING")
            if job.state == beam_job_api_pb2.JobState.DONE and name in self.jobs:
                self.jobs[name] = "FINISHED"

    def _job(self, name: str) -> dict[str, Any]:
        start = 1796006080553 + list(self.jobs).index(name)
        state = self.jobs[name]
        job = {"jid": _id(name), "name": name, "start-time": start, "state": state}
        return {**job, **_OVERVIEW, "tasks": _TASKS}


@contextlib.contextmanager
def flink_rest(server: LocalJobServicer) -> Iterator[FlinkRest]:
    """Serves the jobs of a job server."""
    rest = FlinkRest(server)

    class Handler(JsonHandler):
        def do_GET(self) -> None:  # noqa: N802
            self.answer(*rest.answer("GET", self.path))

        def do_PATCH(self) -> None:  # noqa: N802
            self.answer(*rest.answer("PATCH", self.path))

    with serving(Handler) as port:
        rest.url = f"http://127.0.0.1:{port}"
        yield rest


def _id(name: str) -> str:
    return name.encode().hex().ljust(32, "0")[-32:]

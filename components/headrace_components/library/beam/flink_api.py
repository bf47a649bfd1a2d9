"""Shows and ends Flink jobs, through Flink's own REST API.

Beam's job server reports a job as cancelled but leaves it running in Flink: it stops waiting for
the job and sends nothing to Flink. Seen with Flink 1.19 and Beam 2.70.

Source of paths, states and answers: the REST API of Flink 1.19, version v1, at the address of
`rest.port`.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any
from urllib.parse import quote

from headrace_components.contract.patience import patiently, until

ENDED = frozenset({"FINISHED", "FAILED", "CANCELED"})
ENDING = frozenset({"FAILING", "CANCELLING"})

_CALL_SECONDS = 5.0
_PAUSE_SECONDS = 0.5
_REASON_LENGTH = 200
_NOT_FOUND = 404
# The answer for a job that has already ended.
_CONFLICT = 409


class FlinkError(Exception):
    """Flink answered with an error, or did not answer.

    Attributes:
        status: The HTTP status; 0 without an answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}" if status else message)
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class FlinkJob:
    """A job as Flink sees it.

    Attributes:
        id: Flink's own, 32 hexadecimal digits.
        state: For example `RUNNING`.
        num_tasks: Parts of the job.
        num_finished: Parts that are done.
    """

    id: str
    state: str
    num_tasks: int
    num_finished: int


class FlinkApi:
    """The jobs of one cluster of Flink.

    Args:
        rest: URL of its REST API, such as `http://flink-jobmanager:8081`.
    """

    def __init__(self, rest: str) -> None:
        self.rest = rest.rstrip("/")

    def page(self, job_id: str) -> str:
        """Returns the address of a job's page, which remains after the job has ended."""
        return f"{self.rest}/#/job/running/{job_id}"

    def jobs(self, name: str) -> list[FlinkJob]:
        """Returns the jobs with a name, the newest last, including those that have ended."""
        answer = self._call("GET", "/jobs/overview")
        try:
            return [
                FlinkJob(
                    id=str(job["jid"]),
                    state=str(job["state"]),
                    num_tasks=int(job["tasks"]["total"]),
                    num_finished=int(job["tasks"]["finished"]),
                )
                for job in sorted(answer["jobs"], key=lambda job: int(job["start-time"]))
                if job["name"] == name
            ]
        except (LookupError, TypeError, ValueError) as error:
            raise self._foreign(json.dumps(answer)) from error

    def state(self, job_id: str) -> str:
        """Returns the state of a job; a job that Flink has forgotten has ended."""
        try:
            answer = self._call("GET", f"/jobs/{quote(job_id)}")
        except FlinkError as error:
            if error.status != _NOT_FOUND:
                raise
            return "FINISHED"
        if "state" not in answer:
            raise self._foreign(json.dumps(answer))
        return str(answer["state"])

    def end(self, job_id: str, seconds: float) -> str:
        """Ends a job in any state; may be called again.

        Args:
            job_id: The job.
            seconds: The maximum time for requests and for waiting.

        Returns:
            The last state of the job: one of `ENDED`, or another one if it did not end in time.

        Raises:
            FlinkError: Flink did not accept the call, or does not report its result.
        """
        is_taken = False

        def look() -> str:
            nonlocal is_taken
            if not is_taken:
                self._cancel(job_id)
                is_taken = True
            return self.state(job_id)

        return patiently(
            look,
            errors=FlinkError,  # a job manager that restarts answers a little later
            waits=until(time.monotonic() + seconds, repeat(_PAUSE_SECONDS)),
            is_enough=lambda state: state in ENDED,
        )

    def _cancel(self, job_id: str) -> None:
        try:
            self._call("PATCH", f"/jobs/{quote(job_id)}?mode=cancel")
        except FlinkError as error:
            if error.status not in (_NOT_FOUND, _CONFLICT):
                raise

    def _call(self, method: str, path: str) -> Mapping[str, Any]:
        request = urllib.request.Request(f"{self.rest}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=_CALL_SECONDS) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise FlinkError(error.code, _reason(error)) from error
        except (OSError, ValueError) as error:  # errors of sockets or HTTP
            reason = getattr(error, "reason", error)
            raise FlinkError(0, f"{self.rest} does not answer: {reason}") from error
        try:
            found = json.loads(content or b"{}")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._foreign(content[:_REASON_LENGTH].decode("utf-8", "replace"))
        return found

    def _foreign(self, content: str) -> FlinkError:
        return FlinkError(
            0, f"{self.rest} answers {content[:_REASON_LENGTH]!r}, which Flink's REST API does not"
        )


def _reason(error: urllib.error.HTTPError) -> str:
    """Returns the first line of Flink's message, which a long Java stack trace follows."""
    try:
        content = error.read()
        lines = json.loads(content)["errors"][0].splitlines()
        return str(lines[0])[:_REASON_LENGTH]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return str(error.reason)

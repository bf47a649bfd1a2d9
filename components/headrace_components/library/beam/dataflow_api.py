"""Shows and ends Dataflow jobs, with a client that is separate from Beam's own.

Beam's client has one connection and is made for one thread. A call from a second thread may get the
answer to a call of the first thread, or lose its own answer.
"""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from apache_beam.options.pipeline_options import GoogleCloudOptions

ENDED = frozenset(
    f"JOB_STATE_{name}" for name in ("DONE", "FAILED", "CANCELLED", "UPDATED", "DRAINED")
)
ENDING = frozenset({"JOB_STATE_CANCELLING", "JOB_STATE_RESOURCE_CLEANING_UP"})

_CALL_SECONDS = 10
_PAUSE_SECONDS = 0.5

# Dataflow answers one of these to requests about a job that ends or has ended.
_REFUSED = frozenset({400, 409, 412})
# A new job may be unknown for a moment; 0 means no answer at all.
_PASSING = frozenset({0, 404, 408, 429})


class DataflowError(Exception):
    """Dataflow answered with an error, or did not answer.

    Attributes:
        status: The HTTP status; 0 without an answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}" if status else message)
        self.status = status

    @property
    def passes(self) -> bool:
        """Whether the same call may succeed a little later."""
        return self.status in _PASSING or self.status >= 500


class DataflowApi:
    """The jobs of one project and region.

    Args:
        options: The pipeline's options, with the project, the region and the credentials.
    """

    def __init__(self, options: Any) -> None:
        self._options = options
        where = options.view_as(GoogleCloudOptions)
        self._where = f"--region={where.region} --project={where.project}"
        endpoint = (where.dataflow_endpoint or "https://dataflow.googleapis.com").rstrip("/")
        self._jobs = f"{endpoint}/v1b3/projects/{where.project}/locations/{where.region}/jobs"

    def command(self, job_id: str) -> str:
        """Returns the command line that shows a job."""
        return f"gcloud dataflow jobs show {job_id} {self._where}"

    def command_to_list(self, name: str) -> str:
        """Returns the command that lists running jobs with a name."""
        return f"gcloud dataflow jobs list --status=active --filter=name={name} {self._where}"

    def state(self, job_id: str) -> str:
        """Returns the state of a job, such as `JOB_STATE_RUNNING`."""
        return str(self._call("GET", f"/{quote(job_id)}").get("currentState", "JOB_STATE_UNKNOWN"))

    def running(self, name: str) -> list[str]:
        """Returns the IDs of the jobs with a name that have not ended."""
        found: list[str] = []
        page = ""
        while True:
            query = {"filter": "ACTIVE", "name": name, **({"pageToken": page} if page else {})}
            answer = self._call("GET", f"?{urlencode(query)}")
            found += [job["id"] for job in answer.get("jobs", ()) if job.get("name") == name]
            page = answer.get("nextPageToken", "")
            if not page:
                return found

    def end(self, job_id: str, seconds: float) -> str:
        """Ends a job in any state; may be called again.

        Args:
            job_id: The job.
            seconds: The maximum time for requests and for waiting.

        Returns:
            The last state of the job: one of `ENDED` or `ENDING`, or another one if Dataflow
            accepted the call but did not end the job in time.

        Raises:
            DataflowError: Dataflow did not take the call.
        """
        deadline = time.monotonic() + seconds
        state, is_taken = "", False
        while True:
            try:
                state = self.state(job_id) if is_taken else self._cancel(job_id)
                is_taken = True
            except DataflowError as error:
                if error.status in _REFUSED and not is_taken:
                    state = self._state_after(error, job_id)
                elif not error.passes:
                    raise
                if state not in ENDED | ENDING and not is_taken and time.monotonic() >= deadline:
                    raise
            if state in ENDED | ENDING or time.monotonic() >= deadline:
                return state
            time.sleep(_PAUSE_SECONDS)

    def _state_after(self, refusal: DataflowError, job_id: str) -> str:
        try:
            return self.state(job_id)
        except DataflowError as error:
            raise refusal from error

    def _cancel(self, job_id: str) -> str:
        answer = self._call("PUT", f"/{quote(job_id)}", {"requestedState": "JOB_STATE_CANCELLED"})
        return str(answer.get("currentState", "JOB_STATE_UNKNOWN"))

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        # Imported here: images without components for Dataflow do not have these packages.
        from apache_beam.internal.gcp.auth import get_service_credentials
        from apache_beam.internal.http_client import get_new_http

        connection = get_new_http(timeout_secs=_CALL_SECONDS)
        try:
            http = connection
            if not self._options.view_as(GoogleCloudOptions).no_auth:
                credentials = get_service_credentials(self._options)
                http = connection if credentials is None else credentials.authorize(connection)
            response, content = http.request(
                f"{self._jobs}{path}",
                method=method,
                body=None if body is None else json.dumps(body),
                headers={"Content-Type": "application/json"},
            )
        except Exception as error:  # errors of sockets, HTTP or credentials
            raise DataflowError(0, f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()
        try:
            answer = json.loads(content or b"{}")
        except ValueError:
            answer = {}
        if not 200 <= response.status < 300:
            found = answer.get("error", {}) if isinstance(answer, dict) else {}
            raise DataflowError(response.status, str(found.get("message") or content[:200]))
        return dict(answer)

"""A job of Dataflow: where it is seen, how it ends, and what a retry of its task finds of it."""

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from apache_beam.options.pipeline_options import GoogleCloudOptions
from apache_beam.runners.runner import PipelineState

from headrace_components.beam import locations
from headrace_components.errors import ComponentError, InputError, PlatformError
from headrace_components.task import Artifact

_API = "https://dataflow.googleapis.com/v1b3"
_CONSOLE = "https://console.cloud.google.com/dataflow/jobs"
_RECORD_FILE = ".headrace-beam-job.json"
_POLL_SECONDS = 5.0

_OPTIONS = "Correct the options of Beam that it speaks of."
_ADVICE: Mapping[int, tuple[type[ComponentError], str]] = {
    400: (InputError, _OPTIONS),
    401: (PlatformError, "Give the task credentials, as a service account."),
    403: (
        PlatformError,
        "The task's account needs roles/dataflow.developer, roles/iam.serviceAccountUser on the "
        "workers' account, and to write to the bucket. Grant them.",
    ),
    404: (InputError, _OPTIONS),
    409: (InputError, "Leave out `--job_name`, so that each job has a name of its own."),
}


class Record:
    """Names the job of a task, in the directory that it writes.

    A task that is killed outright cannot cancel its job. Its retry has the same outputs, finds this
    and ends the job, which otherwise would write there too, and cost as much again.

    Args:
        component: Name of the component, for what is logged.
        options: The pipeline's options.
        scratch: Location of the job's intermediate files, in the directory of the output.
    """

    def __init__(self, component: str, options: Any, scratch: str) -> None:
        self.component = component
        self.options = options
        self._scratch = scratch
        self._file = locations.join(scratch.rpartition("/")[0], _RECORD_FILE)

    def write(self, job_id: str) -> None:
        """Notes the job that now runs."""
        found = {"job": job_id, "scratch": self._scratch}
        locations.write_bytes(self._file, json.dumps(found).encode())

    def remove(self) -> None:
        """Says that no job runs."""
        locations.remove_file(self._file)

    def end_earlier_job(self) -> None:
        """Cancels what an earlier try of the task left running, waits for its end and cleans up."""
        if not locations.exists(self._file):
            return
        found = json.loads(locations.read_bytes(self._file))
        earlier = _result_of(found["job"], self.options)
        if not earlier.is_in_terminal_state():
            logging.warning(
                "%s: an earlier try of this task left the Dataflow job %s: waiting for its end.",
                self.component,
                found["job"],
            )
            if earlier.state != PipelineState.CANCELLING:  # asked twice, the API refuses
                earlier.cancel()
            while not PipelineState.is_terminal(earlier.state):
                time.sleep(_POLL_SECONDS)
        locations.remove(found["scratch"])
        self.remove()


class DataflowJob:
    """A job that Dataflow has taken.

    Args:
        record: Where to note it.
        runner: The DataflowRunner that submitted it.
        result: What that returned.
        output: The artifact that the job writes.
    """

    def __init__(self, record: Record, runner: Any, result: Any, output: Artifact) -> None:
        self._record = record
        self._client = runner.dataflow_client
        self._id = result.job_id()
        self._output = output

    def announce(self) -> None:
        """Logs the job and its page, puts it into the output's metadata, and notes it."""
        where = self._record.options.view_as(GoogleCloudOptions)
        link = f"{_CONSOLE}/{where.region}/{self._id}?project={where.project}"
        logging.info("%s: Dataflow job %s: %s", self._record.component, self._id, link)
        uri = f"{_API}/projects/{where.project}/locations/{where.region}/jobs/{self._id}"
        # The message `GcpResources` of google-cloud-pipeline-components.
        resources = {"resources": [{"resourceType": "DataflowJob", "resourceUri": uri}]}
        self._output.metadata["gcp_resources"] = json.dumps(resources)
        self._record.write(self._id)

    def cancel(self) -> None:
        """Asks for the job's end, by one call: who ends the task may not wait for a second."""
        self._client.modify_job_state(self._id, "JOB_STATE_CANCELLED")

    def forget(self) -> None:
        """Says that the job has ended."""
        self._record.remove()


def refusal(component: str, error: Exception) -> ComponentError | None:
    """Returns what an answer of Google's APIs means; None where the error is no such answer."""
    found = _answer(error)
    if found is None:
        return None
    status, message = found
    kind, advice = _ADVICE.get(status, (PlatformError, "Run the task again."))
    return kind(f"{component}: Google Cloud answered {status} to its job: {message} {advice}")


def _answer(error: Exception) -> tuple[int, str] | None:
    """Returns status and message, of apitools, as Beam 2.72 has it, and of Google's own clients."""
    content = getattr(error, "content", None)
    if content is not None and hasattr(error, "status_code"):
        try:
            message = json.loads(content)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = str(content)
        return int(error.status_code), message
    status = getattr(error, "code", None)
    return (int(status), str(error)) if isinstance(status, int) else None


def _result_of(job_id: str, options: Any) -> Any:
    # Here: they are not in images whose components have nothing to run on Dataflow.
    from apache_beam.runners.dataflow.dataflow_runner import DataflowPipelineResult, DataflowRunner
    from apache_beam.runners.dataflow.internal.apiclient import DataflowApplicationClient

    runner = DataflowRunner()
    runner.dataflow_client = DataflowApplicationClient(options)
    return DataflowPipelineResult(runner.dataflow_client.get_job(job_id), runner, options)

"""A Dataflow job: logs its page, ends it with its task, and finds it again after a retry."""

import contextlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any

from apache_beam.options.pipeline_options import GoogleCloudOptions

from headrace_components.contract.errors import (
    ComponentError,
    InputError,
    PlatformError,
    RefusedError,
)
from headrace_components.contract.notices import announce
from headrace_components.contract.patience import patiently, until
from headrace_components.contract.task import Artifact
from headrace_components.library.beam import locations
from headrace_components.library.beam.dataflow_api import ENDED, ENDING, DataflowApi, DataflowError
from headrace_components.library.beam.gate import Gate
from headrace_components.library.beam.job_record import JobRecord

_API = "https://dataflow.googleapis.com/v1b3"
_CONSOLE = "https://console.cloud.google.com/dataflow/jobs"
_POLL_SECONDS = 2.0
_LOOK_SECONDS = 1.0
_NOT_FOUND = 404
# An unknown job may be so new that Dataflow does not show it yet, or so old that it was removed.
_PAUSES_SECONDS = (2.0, 5.0, 10.0)

# After a signal: the maximum time for the answer to a request, and for the end of an earlier job.
_REQUEST_SECONDS = 2.0
_CREATION_SECONDS = 6.0
_ENDING_SECONDS = 60.0

_OPTIONS = "Correct the options of Beam that it speaks of."
_ADVICE: Mapping[int, tuple[type[ComponentError], str]] = {
    400: (InputError, _OPTIONS),
    401: (RefusedError, "Give the task credentials, such as a service account."),
    403: (
        RefusedError,
        "The task's account needs roles/dataflow.developer, roles/iam.serviceAccountUser on the "
        "workers' account, and to write to the bucket. Grant them.",
    ),
    404: (InputError, _OPTIONS),
    409: (InputError, "Leave out `--job_name`, so that each job has its own name."),
}


class DataflowJob:
    """The job of one task on Dataflow.

    Args:
        component: Name of the component, for log messages.
        options: The pipeline's options.
        output: The artifact that the job writes.
        scratch: Location of the job's intermediate files, in the directory of the output.
        is_named_here: Whether the job has a unique name, which no other job ever has.
    """

    def __init__(
        self, component: str, options: Any, output: Artifact, scratch: str, *, is_named_here: bool
    ) -> None:
        self._component = component
        self._options = options
        self._output = output
        self._name = str(options.view_as(GoogleCloudOptions).job_name)
        self._is_named_here = is_named_here
        self._record = JobRecord(scratch)
        self._gate = Gate()
        self._api = DataflowApi(options)
        self._running: list[str] = []
        self._is_asked_for = False

    def runner(self) -> Any:
        """Returns a runner of Beam whose requests to Dataflow pass this job's gate."""
        # Imported here: images without components for Dataflow do not have this package.
        from apache_beam.runners.dataflow import dataflow_runner

        watch = self._watch

        # By this name Beam sees that a pipeline runs on Dataflow.
        class DataflowRunner(dataflow_runner.DataflowRunner):
            def __setattr__(self, name: str, value: Any) -> None:
                super().__setattr__(name, watch(value) if name == "dataflow_client" else value)

        return DataflowRunner()

    def prepare(self, runner: Any) -> None:
        """Does nothing: there is no job server."""

    def run(self, submit: Callable[[], Any]) -> Any:
        """Ends the job of an earlier attempt, submits, and waits for the end of the job."""
        self._end_earlier_job()
        if self._is_named_here:
            # Before the job exists, so that the name is stored if the task is killed while it
            # submits.
            self._record.write(name=self._name)
        result = submit()
        self._announce(result.job_id())
        self._gate.check()
        state = result.wait_until_finish()
        announce("%s: Dataflow job %s is %s.", self._component, result.job_id(), state)
        self.forget()
        return result

    def stop(self) -> None:
        """Blocks further requests of `run`, and waits for the current one."""
        self._gate.shut(request_seconds=_REQUEST_SECONDS, creation_seconds=_CREATION_SECONDS)

    def end(self, seconds: float) -> bool:
        """Ends the job if it may still run, and logs its state.

        Returns:
            Whether the job has ended; False while it is still ending.
        """
        deadline = time.monotonic() + seconds
        jobs = list(self._running)
        if self._is_asked_for and not jobs:
            jobs = self._lost_jobs(deadline)
        ends = [self._end_job(job, deadline - time.monotonic()) for job in jobs]
        return all(ends)

    def forget(self) -> None:
        """Removes the note of the job, which has ended."""
        self._record.forget()

    def _watch(self, client: Any) -> Any:
        submit, gate = client.submit_job_description, self._gate

        def submitted(job: Any) -> Any:
            with gate.passing(creates=True):
                self._is_asked_for = True
                try:
                    response = submit(job)
                except Exception as error:
                    found = _answer(error)
                    # If Dataflow refused, no job runs. Without an answer, a job may run.
                    self._is_asked_for = found is None or found[0] >= 500
                    raise
                self._running.append(response.id)
                return response

        client.submit_job_description = submitted
        for name in ("get_job", "list_messages"):
            setattr(client, name, self._passing(getattr(client, name)))
        return client

    def _passing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def passed(*args: Any, **kwargs: Any) -> Any:
            with self._gate.passing():
                return call(*args, **kwargs)

        return passed

    def _announce(self, job_id: str) -> None:
        """Reports the job and its page, and puts it into the output's metadata."""
        where = self._options.view_as(GoogleCloudOptions)
        link = f"{_CONSOLE}/{where.region}/{job_id}?project={where.project}"
        announce("%s: Dataflow job %s: %s", self._component, job_id, link)
        uri = f"{_API}/projects/{where.project}/locations/{where.region}/jobs/{job_id}"
        # The message `GcpResources` of google-cloud-pipeline-components.
        resources = {"resources": [{"resourceType": "DataflowJob", "resourceUri": uri}]}
        self._output.metadata["gcp_resources"] = json.dumps(resources)
        if not self._is_named_here:  # other jobs may have that name before and afterwards
            self._record.write(job=job_id)

    def _end_earlier_job(self) -> None:
        """Ends the job of an earlier attempt if it still runs, waits for its end and cleans up."""
        found = self._record.earlier()
        if found is None:
            return
        jobs = [found.job] if found.job else self._asked(lambda: self._api.running(found.name))
        for each in jobs:
            self._running.append(each)
            self._await_end(each)
            self._running.remove(each)
        locations.remove(found.scratch)
        self._record.remove()

    def _await_end(self, job: str) -> None:
        state = self._state(job)
        if state in ENDED:
            return
        logging.warning(
            "%s: an earlier try of this task left the Dataflow job %s: waiting for its end.",
            self._component,
            job,
        )
        with self._gate.passing():
            self._api.end(job, _ENDING_SECONDS)
        while self._state(job) not in ENDED:
            self._gate.pause(_POLL_SECONDS)

    def _state(self, job: str) -> str:
        """Returns the state of an earlier job; a job that Dataflow has forgotten has ended."""
        try:
            return str(self._asked(lambda: self._api.state(job)))
        except DataflowError as error:
            if error.status != _NOT_FOUND:
                raise
            return "JOB_STATE_DONE"

    def _asked(self, question: Callable[[], Any]) -> Any:
        """Returns Dataflow's answer; repeats the request while this may help."""

        def ask() -> Any:
            with self._gate.passing():
                return question()

        return patiently(
            ask,
            errors=DataflowError,
            waits=_PAUSES_SECONDS,
            passes=lambda error: error.passes,
            pause=self._gate.pause,
        )

    def _end_job(self, job: str, seconds: float) -> bool:
        command = self._api.command(job)
        try:
            state = self._api.end(job, seconds)
        except DataflowError as error:
            logging.warning(
                "%s: could not cancel its job on Beam, which may go on: the Dataflow job %s (%s). "
                "Look with `%s`, and end it with `%s`.",
                self._component,
                job,
                error,
                command,
                command.replace(" show ", " cancel ", 1),
            )
            return False
        if state in ENDED:
            logging.info(
                "%s: its job on Beam has ended: the Dataflow job %s is in state %s.",
                self._component,
                job,
                state,
            )
            return True
        logging.warning(
            "%s: asked for the end of its job on Beam. The Dataflow job %s is in state %s%s.",
            self._component,
            job,
            state,
            "" if state in ENDING else f", still: look with `{command}`",
        )
        return False

    def _lost_jobs(self, deadline: float) -> list[str]:
        """Looks for a job that was requested but whose answer was lost."""

        def look() -> list[str]:
            with contextlib.suppress(DataflowError):
                if found := self._api.running(self._name):
                    return found
            return list(self._running)  # the answer may have arrived late

        waits = until(deadline, repeat(_LOOK_SECONDS))
        if self._is_named_here and (jobs := patiently(look, waits=waits, is_enough=bool)):
            return jobs
        logging.warning(
            "%s: Dataflow did not answer whether its job %s was made, so it may go on. Look with "
            "`%s`.",
            self._component,
            self._name,
            self._api.command_to_list(self._name),
        )
        return []


def refusal(error: Exception) -> ComponentError | None:
    """Explains an error answer of Google's APIs; None for other errors."""
    found = _answer(error)
    if found is None:
        return None
    status, message = found
    kind, advice = _ADVICE.get(status, (PlatformError, "Run the task again."))
    return kind(f"Google Cloud answered {status} to its job: {message} {advice}")


def _answer(error: Exception) -> tuple[int, str] | None:
    """Returns status and message, from errors of apitools (Beam 2.72) and Google's own clients."""
    content = getattr(error, "content", None)
    if content is not None and hasattr(error, "status_code"):
        try:
            message = json.loads(content)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = str(content)
        return int(error.status_code), message
    status = getattr(error, "code", None)
    return (int(status), str(error)) if isinstance(status, int) else None

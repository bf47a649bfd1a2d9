"""Submits and ends a job on a Beam job server, such as those of Flink and Spark."""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

from apache_beam.options.pipeline_options import GoogleCloudOptions, PortableOptions
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.job_server import ExternalJobServer

from headrace_components.contract.notices import announce
from headrace_components.contract.patience import patiently, until
from headrace_components.library.beam import locations
from headrace_components.library.beam.flink_job import FlinkJobs
from headrace_components.library.beam.gate import Gate
from headrace_components.library.beam.job_record import EarlierJob, JobRecord

_STATES = beam_job_api_pb2.JobState
_ENDED = frozenset({_STATES.DONE, _STATES.FAILED, _STATES.CANCELLED, _STATES.DRAINED})
_ENDING = frozenset({_STATES.CANCELLING})
# No job runs in these states. A job that is CANCELLED on its job server may still run in Flink.
_WITHOUT_JOB = frozenset({_STATES.UNSPECIFIED, _STATES.DONE, _STATES.FAILED})

# After a signal: the maximum time for the answer to the submission.
_CREATION_SECONDS = 6.0
_CALL_SECONDS = 10.0
_PAUSE_SECONDS = 0.5
# The server that Beam starts in this process, or none.
_NO_ENDPOINTS = frozenset({None, "", "embed"})
_NAME_OPTION = "beam:option:job_name:v1"


class PortableJob:
    """The job of one task on a job server.

    Args:
        component: Name of the component, for log messages.
        options: The pipeline's options.
        flink_rest: URL of the REST API of the Flink behind the job server; empty if unknown.
        scratch: Location of the job's intermediate files, in the directory of the output.
        is_named_here: Whether the job has a unique name, which no other job ever has.
    """

    def __init__(
        self, component: str, options: Any, flink_rest: str, scratch: str, *, is_named_here: bool
    ) -> None:
        self._component = component
        self._options = options
        self._endpoint = options.view_as(PortableOptions).job_endpoint
        self._name = str(options.view_as(GoogleCloudOptions).job_name)
        self._gate = Gate()
        # If other jobs have the same name, a retry cannot find the job.
        self._record = JobRecord(scratch) if is_named_here else None
        self._flink = FlinkJobs(component, flink_rest, self._name) if flink_rest else None
        self._service: Any = None
        self._job_id = ""
        self._is_asked_for = False
        self._result: Any = None

    def prepare(self, runner: Any) -> None:
        """Sends the runner's submission through the gate, and starts the runner's own job server.

        The server sets a handler for Ctrl-C, which only the main thread may do. So it starts here
        and not in the thread that submits.
        """
        if not hasattr(runner, "create_job_service_handle"):
            return
        create = runner.create_job_service_handle

        def watched(job_service: Any, options: Any) -> Any:
            handle = create(job_service, options)
            self._service = job_service
            handle.run = self._submission(handle.run)
            return handle

        runner.create_job_service_handle = watched
        is_main = threading.current_thread() is threading.main_thread()
        if self._endpoint in _NO_ENDPOINTS and self._endpoint != "embed" and is_main:
            try:
                server = runner.default_job_server(self._options)
            except NotImplementedError:
                return  # an endpoint is missing; submitting the job reports it
            before = signal.getsignal(signal.SIGINT)
            server.start()
            signal.signal(signal.SIGINT, before)
            runner.default_job_server = lambda _: server

    def run(self, submit: Callable[[], Any]) -> Any:
        """Ends the job of an earlier attempt, submits, and waits for the end of the job."""
        if self._record is not None:
            if earlier := self._record.earlier():
                self._end_earlier_job(earlier, self._record)
            # Before the job exists, so that the name is stored if the task is killed while it
            # submits.
            self._record.write(name=self._name)
        if self._flink is not None:
            self._flink.look_before()
        self._result = submit()
        announce(
            "%s: job %s on the job server %s.",
            self._component,
            self._name,
            self._endpoint or "of this task",
        )
        self._gate.check()
        with self._flink.watched() if self._flink else contextlib.nullcontext():
            state = self._result.wait_until_finish()
        announce("%s: job %s is %s.", self._component, self._name, state)
        self.forget()
        return self._result

    def stop(self) -> None:
        """Blocks further submissions, and waits for the current one."""
        self._gate.shut(request_seconds=_CREATION_SECONDS, creation_seconds=_CREATION_SECONDS)

    def end(self, seconds: float) -> bool:
        """Ends the job if it may still run, and logs its state.

        Returns:
            Whether the job has ended; False while it is still ending.
        """
        if not self._is_asked_for:
            return True
        deadline = time.monotonic() + seconds
        if self._flink is None:
            return self._end_on_server(deadline)
        # Both at the same time, because one may not answer. Only the job server can end a job that
        # it has not passed on yet; only Flink can end a job that it has received.
        server = threading.Thread(target=self._end_on_server, args=[deadline], daemon=True)
        server.start()
        has_ended = self._flink.end(deadline)
        server.join(max(0.0, deadline - time.monotonic()))
        return has_ended

    def _end_on_server(self, deadline: float) -> bool:
        try:
            has_ended = self._end(deadline)
        except Exception as error:  # errors of the connection, or answers of the server
            reason = error.details() if hasattr(error, "details") else error
            logging.warning(
                "%s: could not cancel its job on Beam, which may go on: job %s of the job server "
                "%s (%s). Look for it there, and end it.",
                self._component,
                self._job_id or self._name,
                self._endpoint or "of this task",
                reason or type(error).__name__,
            )
            return False
        finally:
            if self._result is not None:
                self._result._cleanup()  # workers in this process
        return has_ended

    def forget(self) -> None:
        """Removes the note of the job, which has ended."""
        if self._record is not None:
            self._record.forget()

    def _end_earlier_job(self, earlier: EarlierJob, record: JobRecord) -> None:
        """Ends the job of an earlier attempt if it still runs, waits for its end and cleans up."""
        state = self._cancel_on_server(earlier.name)
        if self._flink is not None:
            may_come = state not in _WITHOUT_JOB
            self._flink.end_earlier(earlier.name, self._gate, record.file, may_come=may_come)
        elif state not in _WITHOUT_JOB:
            logging.warning(
                "%s: an earlier try of this task left the job %s. The job server %s took its end, "
                "but what runs behind it may go on with it: look there. With `rest` of its "
                "[beam.NAME] in the profile, a retry ends a job of Flink itself.",
                self._component,
                earlier.name,
                self._endpoint,
            )
        locations.remove(earlier.scratch)

    def _cancel_on_server(self, name: str) -> int:
        """Returns the last state of a job on the job server; UNSPECIFIED without a job."""
        if self._endpoint in _NO_ENDPOINTS:  # it ended with the earlier attempt
            return int(_STATES.UNSPECIFIED)
        with self._gate.passing():
            try:
                service = ExternalJobServer(self._endpoint, _CALL_SECONDS).start()
                for job_id, state in _jobs(service, name):
                    if state in _ENDED:
                        return state
                    return self._cancelled(service, job_id, time.monotonic() + _CALL_SECONDS)
            except Exception as error:  # errors of the connection, or answers of the server
                logging.info("%s: its job server does not list jobs: %s", self._component, error)
        return int(_STATES.UNSPECIFIED)

    def _submission(self, run: Callable[[str], Any]) -> Callable[[str], Any]:
        def submitted(preparation_id: str) -> Any:
            with self._gate.passing(creates=True):
                self._is_asked_for = True
                answer = run(preparation_id)
                self._job_id = answer[0]
                return answer

        return submitted

    def _end(self, deadline: float) -> bool:
        if self._endpoint in _NO_ENDPOINTS:
            return self._end_on(self._service, deadline)
        # A separate connection, because the connection of the submission may hang.
        service = ExternalJobServer(self._endpoint, _CALL_SECONDS).start()
        return self._end_on(service, deadline)

    def _end_on(self, service: Any, deadline: float) -> bool:
        job_id = self._job_id or self._lost_job(service, deadline)
        if not job_id:
            logging.warning(
                "%s: the job server %s did not answer whether its job %s was made, so it may go "
                "on. Look for it there, and end it.",
                self._component,
                self._endpoint or "of this task",
                self._name,
            )
            return False
        state = self._cancelled(service, job_id, deadline)
        name = _STATES.Enum.Name(state)
        if state in _ENDED and state != _STATES.CANCELLED:
            logging.info(
                "%s: its job on Beam has ended: job %s is in state %s.",
                self._component,
                job_id,
                name,
            )
            return True
        logging.warning(
            "%s: asked for the end of its job on Beam. Job %s is in state %s on its job server%s.",
            self._component,
            job_id,
            name,
            self._doubt(state),
        )
        return state in _ENDED

    def _doubt(self, state: int) -> str:
        if state not in _ENDED | _ENDING:
            return ", still: look at the job server's own page"
        if self._flink is not None or self._endpoint in _NO_ENDPOINTS:
            return ""
        return (
            ", which does not say whether the runner behind it has ended it: look there. With "
            "`rest` of its [beam.NAME] in the profile, a task ends a job of Flink itself"
        )

    def _cancelled(self, service: Any, job_id: str, deadline: float) -> int:
        is_taken = False

        def look() -> int:
            nonlocal is_taken
            call, message = service.Cancel, beam_job_api_pb2.CancelJobRequest
            if is_taken:
                call, message = service.GetState, beam_job_api_pb2.GetJobStateRequest
            # A job that has ended may refuse the call; without an answer, try again.
            is_taken = not is_taken
            state = int(_call(call, message(job_id=job_id)).state)
            is_taken = True
            return state

        return patiently(
            look,
            errors=Exception,
            waits=until(deadline, repeat(_PAUSE_SECONDS)),
            is_enough=lambda state: state in _ENDED | _ENDING,
        )

    def _lost_job(self, service: Any, deadline: float) -> str:
        """Looks for a job that was requested but whose answer was lost."""
        return patiently(
            lambda: self._job_id or next((job_id for job_id, _ in _jobs(service, self._name)), ""),
            waits=until(deadline, repeat(_PAUSE_SECONDS)),
            is_enough=bool,
        )


def _jobs(service: Any, name: str) -> Iterator[tuple[str, int]]:
    """Yields the IDs and the states of the jobs with a name on a job server."""
    answer = _call(service.GetJobs, beam_job_api_pb2.GetJobsRequest())
    for each in answer.job_info:
        # Beam's own server has the same `job_name` for all jobs.
        option = each.pipeline_options.fields[_NAME_OPTION].string_value
        if name in (option, each.job_name):
            yield str(each.job_id), int(each.state)


def _call(method: Any, request: Any) -> Any:
    # A server in this process has plain methods instead of gRPC's calls.
    if hasattr(method, "with_call"):
        return method(request, timeout=_CALL_SECONDS)
    return method(request, None)

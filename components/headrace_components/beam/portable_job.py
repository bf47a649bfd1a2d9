"""A job of a job server, as Flink and Spark have one: how it is submitted and how it ends."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from apache_beam.options.pipeline_options import GoogleCloudOptions, PortableOptions
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.job_server import ExternalJobServer

from headrace_components.beam.gate import Gate

_STATES = beam_job_api_pb2.JobState
_ENDED = frozenset({_STATES.DONE, _STATES.FAILED, _STATES.CANCELLED, _STATES.DRAINED})
_ENDING = frozenset({_STATES.CANCELLING})

# How long a signal waits for the answer to the submission.
_CREATION_SECONDS = 6.0
_CALL_SECONDS = 10.0
_PAUSE_SECONDS = 0.5
# The server that Beam starts in this process, or none.
_NO_ENDPOINTS = frozenset({None, "", "embed"})
_NAME_OPTION = "beam:option:job_name:v1"


class PortableJob:
    """The job of one task on a job server.

    Args:
        component: Name of the component, for what is logged.
        options: The pipeline's options; the job's name among them is its own.
    """

    def __init__(self, component: str, options: Any) -> None:
        self._component = component
        self._options = options
        self._endpoint = options.view_as(PortableOptions).job_endpoint
        self._name = str(options.view_as(GoogleCloudOptions).job_name)
        self._gate = Gate()
        self._service: Any = None
        self._job_id = ""
        self._is_asked_for = False
        self._result: Any = None

    def prepare(self, runner: Any) -> None:
        """Has the runner's submission pass the gate, and starts the job server that it has.

        The server wants to handle Ctrl-C, which only the main thread may ask for. It starts here
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
                return  # it wants an endpoint, and says so when the job is submitted
            before = signal.getsignal(signal.SIGINT)
            server.start()
            signal.signal(signal.SIGINT, before)
            runner.default_job_server = lambda _: server

    def run(self, submit: Callable[[], Any]) -> Any:
        """Submits, and waits for the end of the job."""
        self._result = submit()
        logging.info(
            "%s: job %s of the job server %s.",
            self._component,
            self._result._job_id,
            self._endpoint or "of this task",
        )
        self._gate.check()
        self._result.wait_until_finish()
        return self._result

    def stop(self) -> None:
        """Lets no submission through any more, and waits for the one that is under way."""
        self._gate.shut(request_seconds=_CREATION_SECONDS, creation_seconds=_CREATION_SECONDS)

    def end(self, seconds: float) -> bool:
        """Ends what may still run, and logs what is known of it.

        Returns:
            Whether nothing runs any more, not even for the moment that an end takes.
        """
        if not self._is_asked_for:
            return True
        deadline = time.monotonic() + seconds
        try:
            has_ended = self._end(deadline)
        except Exception as error:  # of the connection, or what the server answers
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
        """Has nothing to forget: a job server's jobs are not noted."""

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
        # Its own connection: that of the submission may be what hangs.
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
            "%s: asked for the end of its job on Beam. Job %s is in state %s%s.",
            self._component,
            job_id,
            name,
            "" if state in _ENDED | _ENDING else ", still: look at the job server's own page",
        )
        return state in _ENDED

    def _cancelled(self, service: Any, job_id: str, deadline: float) -> int:
        is_taken = False
        while True:
            try:
                if is_taken:
                    request = beam_job_api_pb2.GetJobStateRequest(job_id=job_id)
                    state = _call(service.GetState, request).state
                else:
                    request = beam_job_api_pb2.CancelJobRequest(job_id=job_id)
                    state = _call(service.Cancel, request).state
                    is_taken = True
            except Exception:
                # What has ended may refuse its end; what does not answer is asked again.
                if time.monotonic() >= deadline:
                    raise
                is_taken = not is_taken
                state = _STATES.UNSPECIFIED
            if state in _ENDED | _ENDING or time.monotonic() >= deadline:
                return int(state)
            time.sleep(_PAUSE_SECONDS)

    def _lost_job(self, service: Any, deadline: float) -> str:
        """Looks for the job that was asked for and whose answer did not come."""
        while not self._job_id and time.monotonic() < deadline:
            answer = _call(service.GetJobs, beam_job_api_pb2.GetJobsRequest())
            for each in answer.job_info:
                # Beam's own server has the same `job_name` for all.
                option = each.pipeline_options.fields[_NAME_OPTION].string_value
                if self._name in (option, each.job_name):
                    return str(each.job_id)
            time.sleep(_PAUSE_SECONDS)
        return self._job_id


def _call(method: Any, request: Any) -> Any:
    # A server in this process has plain methods in place of gRPC's calls.
    if hasattr(method, "with_call"):
        return method(request, timeout=_CALL_SECONDS)
    return method(request, None)

"""Follows a Beam job on other machines, and ends it when its task ends."""

import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any, Protocol

import apache_beam as beam
from apache_beam.options.pipeline_options import DebugOptions, GoogleCloudOptions

from headrace_components.contract.task import Artifact
from headrace_components.library.beam.dataflow_job import DataflowJob
from headrace_components.library.beam.options import BeamOptions
from headrace_components.library.beam.portable_job import PortableJob
from headrace_components.library.beam.stop_signals import StopSignals

# Kubernetes sends SIGKILL half a minute after SIGTERM; the process needs a part of this time to
# end.
_ENDING_SECONDS = 10.0
# Additional time for a call, for example when it waits for a name server.
_SLACK_SECONDS = 4.0
# The time for the submission to notice that the task ends.
_NOTICING_SECONDS = 1.0


class RemoteJob(Protocol):
    """The job of a task on a service."""

    def prepare(self, runner: Any) -> None:
        """Prepares the job; called in the main thread, before the signal handlers are set."""

    def run(self, submit: Callable[[], Any]) -> Any:
        """Submits the job and waits for its end; returns the runner's result."""

    def stop(self) -> None:
        """Makes `run`, in another thread, send no more requests to the service."""

    def end(self, seconds: float) -> bool:
        """Ends the job in any state; returns whether it has ended already."""

    def forget(self) -> None:
        """Removes the record for a retry; the job has ended."""


class RemotePipeline(beam.Pipeline):
    """A pipeline whose `run` returns when its job has ended, or else ends it.

    Args:
        component: Name of the component, for log messages.
        options: The options in `beam_pipeline_args`; the runner uses other machines. A job without
            a name gets a unique one.
        output: The artifact that the job writes. It gets the metadata `gcp_resources`.
        scratch: Location of the job's intermediate files.
    """

    def __init__(
        self, component: str, options: BeamOptions, output: Artifact, scratch: str
    ) -> None:
        named = options.pipeline_options.view_as(GoogleCloudOptions)
        is_named_here = named.job_name is None
        if is_named_here:
            name = component.replace("_", "-")
            named.job_name = f"headrace-{name}-{uuid.uuid4().hex[:12]}"
        # This would run `pip freeze`, but the image's lock already lists the packages.
        debugging = options.pipeline_options.view_as(DebugOptions)
        debugging.add_experiment("disable_logging_submission_environment")
        runner: Any = options.runner()
        if options.runner_name == "DataflowRunner":
            job = DataflowJob(
                component,
                options.pipeline_options,
                output,
                scratch,
                is_named_here=is_named_here,
            )
            runner = job.runner()
            self._job: RemoteJob = job
        else:
            self._job = PortableJob(
                component,
                options.pipeline_options,
                options.flink_rest,
                scratch,
                is_named_here=is_named_here,
            )
        super().__init__(runner=runner, options=options.pipeline_options)
        self._component = component
        self._signals = StopSignals()

    def run(self, test_runner_api: bool | str = "AUTO") -> Any:
        """Submits the job and waits for its end.

        Another thread does this. This thread waits for it or for a signal. After a signal it ends
        the job with its own calls, and leaves the other thread.

        Raises:
            Exception: The job failed, or was cancelled by somebody else.
            SystemExit: The task got SIGTERM.
            KeyboardInterrupt: The task got SIGINT.
        """
        self._job.prepare(self.runner)
        work = Work(
            lambda: self._job.run(lambda: beam.Pipeline.run(self, test_runner_api)),
            self._signals.wake,
        )
        self._signals.take_over()
        work.start()
        self._signals.wait(work.is_done)
        if self._signals.noted is not None:
            self._job.stop()
            work.join(_NOTICING_SECONDS)
        if work.succeeded:
            self.release()
            result = work.result
        else:
            self._end()
            result = None
        # Also a signal that arrived just before the handlers were restored.
        stop = self._signals.stop()
        if stop is not None:
            raise stop
        self.release()
        if work.error is not None:
            raise work.error
        return result

    @property
    def was_stopped(self) -> bool:
        """Whether the task got a signal to end."""
        return self._signals.noted is not None

    def release(self) -> None:
        """Restores the earlier signal handlers; until then, further signals are recorded.

        After a signal, the caller calls this when it has cleaned up.
        """
        self._signals.give_back()

    def _end(self) -> None:
        """Ends the job in a limited time, even if the service does not answer."""
        ending = Work(lambda: self._job.end(_ENDING_SECONDS), self._signals.wake)
        ending.start()
        ending.join(_ENDING_SECONDS + _SLACK_SECONDS)
        if not ending.succeeded:
            # The task ends for another reason, which is reported instead.
            logging.warning(
                "%s: could not cancel its job on Beam, which may go on: %s",
                self._component,
                ending.error or "its service does not answer.",
            )
        elif ending.result and self._signals.noted is None:
            self._job.forget()


class Work(threading.Thread):
    """Runs a function in a thread; the process can end before the thread does.

    Attributes:
        result: The result of the function.
        error: The exception that it raised.
    """

    def __init__(self, work: Callable[[], Any], wake: Callable[[], None] = lambda: None) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._wake = wake
        self._done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    @property
    def succeeded(self) -> bool:
        """Whether it is done without an exception."""
        return self.is_done() and self.error is None

    def is_done(self) -> bool:
        """Returns whether it has returned or raised."""
        return self._done.is_set()

    def run(self) -> None:
        """Runs in the thread."""
        try:
            self.result = self._work()
        except BaseException as error:  # the waiting thread raises it
            self.error = error
        finally:
            self._done.set()
            self._wake()

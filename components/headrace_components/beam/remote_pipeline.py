"""Follows a job of Beam on other machines, so that it ends when its task does."""

import contextlib
import logging
import signal
import threading
import uuid
from types import FrameType, TracebackType
from typing import Any, Protocol

import apache_beam as beam
from apache_beam.options.pipeline_options import DebugOptions, GoogleCloudOptions, PortableOptions
from apache_beam.runners.runner import PipelineState

from headrace_components.beam import dataflow_job
from headrace_components.beam.options import BeamOptions
from headrace_components.task import Artifact

# What a shell makes of a process that a signal ended: 128 and the signal's number.
_TERMINATED = 128 + signal.SIGTERM


class RemoteJob(Protocol):
    """A job that a runner has taken."""

    def announce(self) -> None:
        """Says in the logs which job it is, and leaves what a retry of the task needs."""

    def cancel(self) -> None:
        """Asks the runner to end the job; returns before it has."""

    def forget(self) -> None:
        """Removes what was left for a retry; the job has ended."""


class RemotePipeline(beam.Pipeline):
    """A pipeline whose `run` returns when its job has ended, or else cancels it.

    Args:
        component: Name of the component, for what is logged.
        options: What `beam_pipeline_args` says; the runner is one of other machines. A job without
            a name gets one of its own.
        output: The artifact that the job writes. It gets the metadata `gcp_resources`.
        scratch: Location of the job's intermediate files.
    """

    def __init__(
        self, component: str, options: BeamOptions, output: Artifact, scratch: str
    ) -> None:
        named = options.pipeline_options.view_as(GoogleCloudOptions)
        if named.job_name is None:
            name = component.replace("_", "-")
            named.job_name = f"headrace-{name}-{uuid.uuid4().hex[:12]}"
        # It would run `pip freeze`, for a list of what the image's own lock has.
        debugging = options.pipeline_options.view_as(DebugOptions)
        debugging.add_experiment("disable_logging_submission_environment")
        super().__init__(runner=options.runner(), options=options.pipeline_options)
        self._component = component
        self._is_dataflow = options.runner_name == "DataflowRunner"
        self._output = output
        self._scratch = scratch

    def run(self, test_runner_api: bool | str = "AUTO") -> Any:
        """Submits the job and waits for its end.

        Raises:
            Exception: The job failed, or was cancelled by somebody else.
            SystemExit: The task was told to end, by SIGTERM.
            KeyboardInterrupt: The same, by SIGINT.
        """
        record = dataflow_job.Record(self._component, self._options, self._scratch)
        if self._is_dataflow:
            record.end_earlier_job()
        with _StopSignals() as signals:
            result = super().run(test_runner_api)
            job: RemoteJob = (
                dataflow_job.DataflowJob(record, self.runner, result, self._output)
                if self._is_dataflow
                else _PortableJob(self._component, self._options, result)
            )
            try:
                job.announce()
                signals.let_through()
                result.wait_until_finish()
            except BaseException as error:
                self._end(job, result, error)
                raise
        job.forget()
        return result

    def _end(self, job: RemoteJob, result: Any, error: BaseException) -> None:
        try:
            if isinstance(error, Exception) and PipelineState.is_terminal(result.state):
                job.forget()
            else:
                job.cancel()
                logging.warning("%s: asked for the end of its job on Beam.", self._component)
        except Exception as problem:
            # The task ends for a reason of its own, which is the one to report.
            logging.warning(
                "%s: could not cancel its job on Beam, which may go on: %s",
                self._component,
                problem,
            )


class _PortableJob:
    """A job of a job server, as Flink and Spark have one."""

    def __init__(self, component: str, options: Any, result: Any) -> None:
        self._component = component
        self._endpoint = options.view_as(PortableOptions).job_endpoint
        self._result = result

    def announce(self) -> None:
        logging.info(
            "%s: job %s of the job server %s.",
            self._component,
            self._result._job_id,
            self._endpoint or "of this task",
        )

    def cancel(self) -> None:
        self._result.cancel()

    def forget(self) -> None:
        pass


class _StopSignals(contextlib.AbstractContextManager["_StopSignals"]):
    """Turns SIGTERM and SIGINT into exceptions, but not before there is a job to cancel.

    A second signal does not wait. Python lets the main thread alone handle signals; in another one
    this does nothing.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._held: BaseException | None = None
        self._holds = True

    def __enter__(self) -> "_StopSignals":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def let_through(self) -> None:
        """Raises what came so far; what comes later is raised where it comes."""
        self._holds = False
        if self._held is not None:
            raise self._held

    def _take(self, number: int, _: FrameType | None) -> None:
        stop = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(_TERMINATED)
        if self._holds and self._held is None:
            self._held = stop
            return
        raise stop

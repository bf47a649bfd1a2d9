"""Follows and ends the job of a task directly in Flink, not through Beam's job server."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from itertools import repeat

from headrace_components.contract.errors import PlatformError
from headrace_components.contract.notices import LEVEL, announce
from headrace_components.contract.patience import patiently, until
from headrace_components.library.beam.flink_api import ENDED, FlinkApi, FlinkError, FlinkJob
from headrace_components.library.beam.gate import Gate

_LOOK_SECONDS = 0.5
_POLL_SECONDS = 2.0
# How often the progress of a running job is logged.
_NOTICE_SECONDS = 30.0
# A job that was cancelled during its submission may still reach Flink: the job server only notices
# the cancellation after it has uploaded its jar of 160 MB.
_COMING_SECONDS = 10.0
# The time for an earlier job to end. Flink kills tasks that hang after three minutes.
_ENDING_SECONDS = 240.0
_NO_ANSWER_SECONDS = 20.0


class FlinkJobs:
    """The job of one task in Flink, identified by its name.

    Args:
        component: Name of the component, for log messages.
        rest: URL of Flink's REST API.
        name: The job's name on the job server and in Flink.
    """

    def __init__(self, component: str, rest: str, name: str) -> None:
        self._component = component
        self._api = FlinkApi(rest)
        self._name = name
        self._before: frozenset[str] = frozenset()
        self._job_id = ""

    def look_before(self) -> None:
        """Notes the jobs that already have the name before the task submits its own."""
        try:
            self._before = frozenset(job.id for job in self._api.jobs(self._name))
        except FlinkError as error:
            logging.warning(
                "%s: Flink's REST API does not list jobs: %s. The job is submitted all the "
                "same. Correct `rest` of its [beam.NAME], or bring it back: without it the job may "
                "go on when its task is cancelled.",
                self._component,
                error,
            )

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Logs the progress of the job inside the `with` block.

        Its page and each new state are logged as notices.
        """
        has_ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=[has_ended], daemon=True)
        thread.start()
        try:
            yield
        finally:
            has_ended.set()

    def end(self, deadline: float) -> bool:
        """Ends the job, and logs its state.

        Args:
            deadline: When to give up, by the monotonic clock.

        Returns:
            Whether it has ended.
        """
        try:
            job_id = self._job_id or self._awaited(deadline)
            if not job_id:
                logging.warning(
                    "%s: Flink at %s does not have its job %s. The job server may still hand it "
                    "on: look there later, and end it. A retry of the task does so.",
                    self._component,
                    self._api.rest,
                    self._name,
                )
                return False
            state = self._api.end(job_id, max(0.0, deadline - time.monotonic()))
        except FlinkError as error:
            logging.warning(
                "%s: could not end its job in Flink, which may go on: job %s (%s). Look for it at "
                "%s, and end it.",
                self._component,
                self._job_id or self._name,
                error,
                self._api.rest,
            )
            return False
        logging.warning(
            "%s: job %s is in state %s in Flink%s: %s",
            self._component,
            self._name,
            state,
            "" if state in ENDED else ", still",
            self._api.page(job_id),
        )
        return state in ENDED

    def end_earlier(self, name: str, gate: Gate, record: str, *, may_come: bool) -> None:
        """Ends the jobs of a name that an earlier try of the task left, and waits for their end.

        Args:
            name: Their name.
            gate: The gate for each request.
            record: The file that names the job.
            may_come: Whether the job server has the job, and may still pass it on to Flink.

        Raises:
            PlatformError: Flink does not report whether they have ended.
        """
        waits = until(time.monotonic() + _COMING_SECONDS, repeat(_LOOK_SECONDS))
        jobs = patiently(
            lambda: self._earlier(name, gate, record),
            waits=waits if may_come else (),
            is_enough=bool,
            pause=gate.pause,
        )
        for job in jobs:
            if job.state not in ENDED:
                self._end_earlier(job, gate, record)

    def _end_earlier(self, job: FlinkJob, gate: Gate, record: str) -> None:
        logging.warning(
            "%s: an earlier try of this task left a job in Flink, which is ended first: %s",
            self._component,
            self._api.page(job.id),
        )
        deadline = time.monotonic() + _ENDING_SECONDS
        state = job.state
        while state not in ENDED:
            with gate.passing():
                try:
                    state = self._api.end(job.id, 0.0)
                except FlinkError as error:
                    raise self._unknown(job.id, error, record) from error
            if state not in ENDED and time.monotonic() >= deadline:
                raise PlatformError(
                    f"the job {job.id} that an earlier try left in Flink does "
                    f"not end: it is in state {state} after {_ENDING_SECONDS:.0f} s. Look at "
                    f"{self._api.page(job.id)}, end it, then run the task again."
                )
            gate.pause(_LOOK_SECONDS)

    def _earlier(self, name: str, gate: Gate, record: str) -> list[FlinkJob]:
        def look() -> list[FlinkJob]:
            with gate.passing():
                return self._api.jobs(name)

        return patiently(
            look,
            errors=FlinkError,
            waits=until(time.monotonic() + _NO_ANSWER_SECONDS, repeat(_POLL_SECONDS)),
            explained=lambda error: self._unknown(name, error, record),
            pause=gate.pause,
        )

    def _unknown(self, job: str, error: FlinkError, record: str) -> PlatformError:
        return PlatformError(
            f"an earlier try of this task may have left the job {job} in Flink, "
            f"which would write the same outputs, and Flink does not say: {error}. Bring its REST "
            f"API back, or make sure that the job has ended and remove {record}. Then run the task "
            "again."
        )

    def _awaited(self, deadline: float) -> str:
        """Returns the ID of a job that may still arrive; empty if it does not arrive in time."""
        waits = until(deadline, repeat(_LOOK_SECONDS))
        found = patiently(self._own, errors=FlinkError, waits=waits, is_enough=bool)
        return found.id if found else ""

    def _own(self) -> FlinkJob | None:
        jobs = [job for job in self._api.jobs(self._name) if job.id not in self._before]
        if not jobs:
            return None
        self._job_id = jobs[-1].id
        return jobs[-1]

    def _watch(self, has_ended: threading.Event) -> None:
        last_notice = ("", 0.0)
        while not has_ended.wait(_LOOK_SECONDS if not self._job_id else _POLL_SECONDS):
            try:
                is_new = not self._job_id
                job = self._own()
            except FlinkError:
                continue  # the code that ends the job reports the error
            if job is None:
                continue
            if is_new:
                announce(
                    "%s: Flink job %s: %s", self._component, self._name, self._api.page(job.id)
                )
            now = time.monotonic()
            is_other = job.state != last_notice[0]
            is_news = is_other or now >= last_notice[1] + _NOTICE_SECONDS
            if is_news and job.num_tasks:  # a job that is being set up has no parts yet
                logging.log(
                    LEVEL if is_other else logging.INFO,
                    "%s: Flink job %s is %s: %d of %d parts are done.",
                    self._component,
                    self._name,
                    job.state,
                    job.num_finished,
                    job.num_tasks,
                )
                last_notice = (job.state, now)

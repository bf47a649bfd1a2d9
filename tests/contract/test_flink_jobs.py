"""A task ends its job in Flink itself, because the job server does not pass the cancellation on."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.local_job_service import LocalJobServicer

from headrace_components.contract.errors import InputError, PlatformError, named
from headrace_components.contract.task import Artifact
from headrace_components.library.beam import flink_job, job
from headrace_components.library.beam.flink_api import FlinkApi, FlinkError
from headrace_components.library.beam.job_record import JobRecord
from headrace_components.library.beam.options import BeamOptions
from support.fakes.flink_rest import FlinkRest, flink_rest
from support.fakes.local_http import JsonHandler, serving

released = threading.Event()
working = threading.Event()


class Cluster:
    """A job server with threads as workers, and a fake Flink behind it."""

    def __init__(self, server: LocalJobServicer, endpoint: str, rest: FlinkRest) -> None:
        self.server = server
        self.rest = rest
        self.args = [
            "--runner=PortableRunner",
            f"--job_endpoint={endpoint}",
            "--environment_type=LOOPBACK",
        ]

    def run(self, tmp_path: Path, rest: str | None = None) -> Any:
        """Runs a job that waits for `released`."""
        output = Artifact(key="output", name="", uri=str(tmp_path), path=tmp_path)
        args = [*self.args, f"--flink_rest={self.rest.url if rest is None else rest}"]

        def build(running: job.Job) -> Any:
            return running.gather(running.pipeline | beam.Create([1]) | beam.Map(wait))

        return job.run("test", args, output, build)

    def is_running(self) -> bool:
        """Returns whether the job server runs a job."""
        states = [each.state for each in self.server._jobs.values()]
        return beam_job_api_pb2.JobState.RUNNING in states


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    released.clear()
    working.clear()
    server = LocalJobServicer()
    port = server.start_grpc_server()
    with flink_rest(server) as rest:
        yield Cluster(server, f"localhost:{port}", rest)
    released.set()
    server.stop()


def wait(number: int) -> int:
    working.set()
    released.wait(60)
    return number


def terminate_when(question: Callable[[], bool]) -> None:
    def stop() -> None:
        while not question():
            if released.wait(0.05):
                return  # the test is over
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()


def record_of(directory: Path) -> JobRecord:
    return JobRecord(f"{directory}/.headrace-beam-1")


def test_a_signal_ends_the_job_in_flink_and_the_log_has_its_page(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    terminate_when(lambda: " parts are done." in caplog.text)

    with pytest.raises(SystemExit):
        cluster.run(tmp_path)

    ((name, state),) = cluster.rest.jobs.items()
    assert cluster.rest.ended == [name]
    assert state == "CANCELED"
    (found,) = FlinkApi(cluster.rest.url).jobs(name)
    page = f"{cluster.rest.url}/#/job/running/{found.id}"
    assert f"test: Flink job {name}: {page}" in caplog.text
    assert f"test: Flink job {name} is RUNNING: 2 of 11 parts are done." in caplog.text
    assert f"test: job {name} is in state CANCELED in Flink: {page}" in caplog.text
    # If the end of a job was not seen, a retry looks for the job again.
    assert record_of(tmp_path).earlier() is not None


def test_a_job_that_reaches_flink_after_the_signal_is_ended_there(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.rest.delay_seconds = 3.0
    terminate_when(cluster.is_running)

    with pytest.raises(SystemExit):
        cluster.run(tmp_path)

    ((name, state),) = cluster.rest.jobs.items()
    assert (cluster.rest.ended, state) == ([name], "CANCELED")


def test_a_retry_ends_the_job_that_a_killed_try_left_before_it_submits_its_own(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.rest.jobs = {"headrace-test-1": "RUNNING", "headrace-test-2": "RUNNING"}
    record_of(tmp_path).write(name="headrace-test-1")
    (tmp_path / ".headrace-beam-1").mkdir()
    released.set()

    gathered = cluster.run(tmp_path)

    assert gathered == [1]
    assert cluster.rest.ended == ["headrace-test-1"]
    assert cluster.rest.jobs["headrace-test-2"] == "RUNNING"  # the job of somebody else
    assert "an earlier try of this task left a job in Flink, which is ended first" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_ended_leaves_nothing_for_a_retry(cluster: Cluster, tmp_path: Path) -> None:
    released.set()

    cluster.run(tmp_path)

    assert record_of(tmp_path).earlier() is None
    assert cluster.rest.ended == []


def test_a_retry_that_cannot_learn_of_the_earlier_job_fails_and_keeps_the_note(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flink_job, "_NO_ANSWER_SECONDS", 0.0)
    record = record_of(tmp_path)
    record.write(name="headrace-test-1")

    with pytest.raises(PlatformError) as raised:
        cluster.run(tmp_path, rest="http://127.0.0.1:9")

    message = str(raised.value)
    assert "may have left the job headrace-test-1 in Flink" in message
    assert "http://127.0.0.1:9 does not answer: [Errno 111] Connection refused" in message
    assert f"remove {record.file}" in message
    assert record.earlier() is not None
    assert not cluster.server._jobs


def test_a_flink_that_does_not_answer_hinders_neither_the_job_nor_its_end(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Not earlier: a job server that finds no worker any more sets FAILED over CANCELLED.
    terminate_when(working.is_set)
    start = time.monotonic()

    with pytest.raises(SystemExit):
        cluster.run(tmp_path, rest="http://127.0.0.1:9")

    assert time.monotonic() - start < 20
    assert "Flink's REST API does not list jobs" in caplog.text
    assert "could not end its job in Flink, which may go on" in caplog.text
    (submitted,) = cluster.server._jobs.values()
    assert submitted.state == beam_job_api_pb2.JobState.CANCELLED


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            500,
            b'{"errors":["Internal server error.","<Exception on server side:\\n\\tat ..."]}',
            "500: Internal server error.",
        ),
        (503, b"<html>busy</html>", "503: Service Unavailable"),
        (404, b'{"errors":["Unable to load requested file /jobs."]}', "404: Unable to load"),
        (200, b"<html>welcome</html>", "answers '<html>welcome</html>', which Flink's REST API"),
        (200, b'{"apps": []}', "answers '{\"apps\": []}', which Flink's REST API does not"),
        (200, b"[1]", "answers '[1]', which Flink's REST API does not"),
    ],
)
def test_what_is_no_answer_of_flink_is_said(status: int, body: bytes, expected: str) -> None:
    class Handler(JsonHandler):
        def do_GET(self) -> None:  # noqa: N802
            self.send(status, body, "text/html")

    with serving(Handler) as port, pytest.raises(FlinkError) as raised:
        FlinkApi(f"http://127.0.0.1:{port}/").jobs("name")

    assert expected in str(raised.value)


def test_a_job_that_flink_has_forgotten_or_that_refuses_its_end_has_ended(
    cluster: Cluster,
) -> None:
    cluster.rest.jobs = {"done": "FINISHED"}
    api = FlinkApi(cluster.rest.url)
    (done,) = api.jobs("done")

    assert api.end(done.id, 5.0) == "FINISHED"
    assert api.state("f" * 32) == "FINISHED"
    assert api.end("f" * 32, 5.0) == "FINISHED"


@pytest.mark.parametrize("args", [["--flink_rest"], ["--flink_rest=flink:8081"]])
def test_an_address_that_is_no_url_is_refused(args: list[str]) -> None:
    with (
        pytest.raises(InputError, match=r"test: .* for --flink_rest, expected the URL"),
        named("test"),
    ):
        BeamOptions(["--runner=PortableRunner", "--job_endpoint=localhost:1", *args])


def test_other_runners_refuse_the_address_of_flink() -> None:
    with pytest.raises(InputError, match=r"'--flink_rest', which is not an option of Beam"):
        BeamOptions(["--runner=DirectRunner", "--flink_rest=http://flink:8081"])


def test_without_the_address_of_flink_the_log_says_what_is_not_known(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    terminate_when(cluster.is_running)
    output = Artifact(key="output", name="", uri=str(tmp_path), path=tmp_path)

    def build(running: job.Job) -> Any:
        return running.gather(running.pipeline | beam.Create([1]) | beam.Map(wait))

    with pytest.raises(SystemExit):
        job.run("test", cluster.args, output, build)

    assert "does not say whether the runner behind it has ended it" in caplog.text

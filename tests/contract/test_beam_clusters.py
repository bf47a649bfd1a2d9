"""Components on a job server of Beam, as Flink and Spark have one, as a profile says."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.local_job_service import BeamJob, LocalJobServicer
from kfp import dsl

from beam_clusters import executor_input, worker_pool
from headrace import ir
from headrace.compiler import compile_for
from headrace.frontend import load
from headrace.profiles.beam import BeamRunner
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.profiles.tasks import TaskSettings, TaskTables
from headrace_components import catalog
from headrace_components.beam import job
from headrace_components.csv_example_gen.executor import execute
from headrace_components.data.examples import ExamplesReader
from headrace_components.task import Artifact, main

DIGEST = "sha256:" + "0123456789abcdef" * 4

released = threading.Event()


@dsl.pipeline(name="flights")
def flights() -> None:
    catalog.csv_example_gen(input_base="/data")


def args_for(runner: BeamRunner) -> list[str]:
    """Returns what the compiler writes for a task."""
    profile = Profile(
        images=Images(registry="ghcr.io/mine", digests={"csv_example_gen": DIGEST}),
        beam={"cluster": runner},
        tasks=TaskTables(defaults=TaskSettings(beam="cluster")),
    )
    nodes = ir.tasks(compile_for(load(flights), "kubeflow", profile).document)
    (node,) = (node for node in nodes if node.name == "csv-example-gen")
    args: list[str] = ir.constant(ir.parameter_inputs(node.task)["beam_pipeline_args"])
    return args


@pytest.fixture
def job_server() -> Iterator[tuple[LocalJobServicer, str]]:
    server = LocalJobServicer()
    port = server.start_grpc_server()
    yield server, f"localhost:{port}"
    server.stop()


@pytest.mark.slow
def test_a_pool_of_workers_computes_what_a_profile_sends_there(
    job_server: tuple[LocalJobServicer, str], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    for part in range(3):
        rows = "".join(f"{row},w{row % 7}\n" for row in range(part * 100, part * 100 + 100))
        (tmp_path / f"data/{part}.csv").write_text(f"id,word\n{rows}", "utf-8")
    server, endpoint = job_server
    with worker_pool(tmp_path / "pool.log") as pool:
        profile = BeamRunner(
            runner="flink",
            job_endpoint=endpoint,
            environment="EXTERNAL",
            environment_config=pool,
            parallelism=2,
        )
        parameters = {
            "input_base": str(tmp_path / "data"),
            "beam_pipeline_args": args_for(profile),
        }
        message = executor_input(
            "csv_example_gen", str(tmp_path), tmp_path / "output.json", parameters, []
        )

        code = main("csv_example_gen", execute, ["--executor_input", message])

    assert code == 0
    reader = ExamplesReader(tmp_path / "examples", "test")
    assert sum(reader.num_rows(split) for split in reader.split_names) == 300
    (submitted,) = server._jobs.values()
    assert submitted.state == beam_job_api_pb2.JobState.DONE


def wait(number: int) -> int:
    released.wait(60)
    return number


def test_a_signal_cancels_the_job_of_a_cluster(
    job_server: tuple[LocalJobServicer, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server, endpoint = job_server
    args = args_for(BeamRunner(runner="flink", job_endpoint=endpoint, environment="LOOPBACK"))
    output = Artifact(key="output", name="", uri=str(tmp_path), path=tmp_path)

    def build(running: job.Job) -> Any:
        return running.gather(running.pipeline | beam.Create([1]) | beam.Map(wait))

    def stop() -> None:
        while not any(
            each.state == beam_job_api_pb2.JobState.RUNNING for each in server._jobs.values()
        ):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(SystemExit):
        job.run("test", args, output, build)
    released.set()

    ((name, submitted),) = server._jobs.items()
    assert submitted.state == beam_job_api_pb2.JobState.CANCELLED
    assert f"test: job {name} of the job server {endpoint}." in caplog.text
    assert "test: asked for the end of its job on Beam." in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1.0, 20.0])
def test_a_signal_during_the_submission_cancels_the_job_that_comes_of_it(
    seconds: float,
    job_server: tuple[LocalJobServicer, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, endpoint = job_server
    args = args_for(BeamRunner(runner="flink", job_endpoint=endpoint, environment="LOOPBACK"))
    output = Artifact(key="output", name="", uri=str(tmp_path), path=tmp_path)
    answered = threading.Event()
    released.clear()
    start = BeamJob.run

    def slow(self: BeamJob) -> None:
        start(self)
        os.kill(os.getpid(), signal.SIGTERM)
        answered.wait(seconds)  # an answer that does not come is not waited for

    monkeypatch.setattr(BeamJob, "run", slow)

    def build(running: job.Job) -> Any:
        return running.gather(running.pipeline | beam.Create([1]) | beam.Map(wait))

    with pytest.raises(SystemExit):
        job.run("test", args, output, build)
    answered.set()
    released.set()

    (submitted,) = server._jobs.values()
    assert submitted.state == beam_job_api_pb2.JobState.CANCELLED

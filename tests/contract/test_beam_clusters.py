"""Components on a Beam job server, as for Flink and Spark, selected by a profile."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import contextlib
import os
import re
import signal
import sqlite3
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

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.profiles.beam import BeamRunner
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.profiles.tasks import TaskSettings, TaskTables
from headrace_components import catalog
from headrace_components.contract.task import Artifact, main
from headrace_components.csv_example_gen.executor import execute
from headrace_components.filter_examples import executor as filter_executor
from headrace_components.library.beam import job
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.query_example_gen import executor as query_executor
from support.programs.beam_clusters import executor_input, worker_pool

DIGEST = "sha256:" + "0123456789abcdef" * 4

released = threading.Event()


@dsl.pipeline(name="flights")
def flights() -> None:
    catalog.csv_example_gen(input_base="/data")


def args_for(runner: BeamRunner) -> list[str]:
    """Returns the arguments that the compiler writes for a task."""
    profile = Profile(
        images=Images(registry="ghcr.io/mine", digests={"csv_example_gen": DIGEST}),
        beam={"cluster": runner},
        tasks=TaskTables(defaults=TaskSettings(beam="cluster")),
    )
    nodes = specs.tasks(compile_for(load(flights), "kubeflow", profile).document)
    (node,) = (node for node in nodes if node.name == "csv-example-gen")
    args: list[str] = specs.constant(specs.parameter_inputs(node.task)["beam_pipeline_args"])
    return args


@pytest.fixture
def job_server() -> Iterator[tuple[LocalJobServicer, str]]:
    server = LocalJobServicer()
    port = server.start_grpc_server()
    yield server, f"localhost:{port}"
    server.stop()


@pytest.mark.slow
def test_a_pool_of_workers_computes_what_a_profile_sends_there(
    job_server: tuple[LocalJobServicer, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    for part in range(3):
        rows = "".join(f"{row},w{row % 7}\n" for row in range(part * 100, part * 100 + 100))
        (tmp_path / f"data/{part}.csv").write_text(f"id,word\n{rows}", "utf-8")
    server, endpoint = job_server
    with worker_pool(tmp_path / "pool.log") as pool:
        monkeypatch.chdir(tmp_path)  # the pool keeps another working directory
        profile = BeamRunner(
            runner="flink",
            job_endpoint=endpoint,
            environment="EXTERNAL",
            environment_config=pool,
            parallelism=2,
        )
        parameters = {
            "input_base": "data",
            "beam_pipeline_args": args_for(profile),
        }
        message = executor_input("csv_example_gen", "root", Path("output.json"), parameters, [])

        code = main("csv_example_gen", execute, ["--executor_input", message])

    assert code == 0
    reader = ExamplesReader(tmp_path / "root/examples", "test")
    assert sum(reader.num_rows(split) for split in reader.split_names) == 300
    (submitted,) = server._jobs.values()
    assert submitted.state == beam_job_api_pb2.JobState.DONE


@pytest.mark.slow
def test_relative_paths_of_code_and_of_a_database_reach_a_pool_of_workers(
    job_server: tuple[LocalJobServicer, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "rides.db")) as connection, connection:
        connection.execute("CREATE TABLE rides (id INTEGER, tip REAL)")
        connection.executemany("INSERT INTO rides VALUES (?, ?)", [(n, n / 2) for n in range(90)])
    (tmp_path / "module.py").write_text("def filter_fn(serialized): return True", "utf-8")
    with worker_pool(tmp_path / "pool.log") as pool:
        monkeypatch.chdir(tmp_path)
        args = [
            "--runner=PortableRunner",
            f"--job_endpoint={job_server[1]}",
            "--environment_type=EXTERNAL",
            f"--environment_config={pool}",
        ]
        query = {"url": "sqlite:///rides.db", "query": "SELECT * FROM rides"}
        keep = {"module_file": "module.py", "beam_pipeline_args": args}

        codes = [
            main(component, run, ["--executor_input", message])
            for component, run, message in (
                (
                    "query_example_gen",
                    query_executor.execute,
                    executor_input(
                        "query_example_gen",
                        "root",
                        Path("output.json"),
                        {**query, "beam_pipeline_args": args},
                        [],
                    ),
                ),
                (
                    "filter_examples",
                    filter_executor.execute,
                    executor_input(
                        "filter_examples", "root", Path("output.json"), keep, ["examples"]
                    ),
                ),
            )
        ]

    assert codes == [0, 0]
    reader = ExamplesReader(tmp_path / "root/filtered_examples", "test")
    assert sum(reader.num_rows(split) for split in reader.split_names) == 90


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

    ((job_id, submitted),) = server._jobs.items()
    assert submitted.state == beam_job_api_pb2.JobState.CANCELLED
    assert re.search(rf"test: job headrace-test-\w+ on the job server {endpoint}\.", caplog.text)
    assert f"Job {job_id} is in state CANCELLED on its job server" in caplog.text
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
        answered.wait(seconds)  # do not wait for an answer that does not come

    monkeypatch.setattr(BeamJob, "run", slow)

    def build(running: job.Job) -> Any:
        return running.gather(running.pipeline | beam.Create([1]) | beam.Map(wait))

    with pytest.raises(SystemExit):
        job.run("test", args, output, build)
    answered.set()
    released.set()

    (submitted,) = server._jobs.values()
    assert submitted.state == beam_job_api_pb2.JobState.CANCELLED

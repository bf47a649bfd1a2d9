"""Components on a real Apache Flink; runs with HEADRACE_FLINK=1."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
import tensorflow_data_validation as tfdv

from headrace_components.evaluator import results
from support.cases.evaluator import eval_config, flights, metric, save_model, write_examples
from support.launcher.beam_penguins import check_equal_to_embedded, penguins, run
from support.programs.beam_clusters import await_true, worker_pool
from support.programs.flink_cluster import Flink, flink

Start: TypeAlias = Callable[[list[str], Path, float], "subprocess.Popen[bytes]"]

TASK = Path(__file__).parents[1] / "support/launcher/flink_task.py"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Flink]:
    with flink({"taskmanager.network.sort-shuffle.min-buffers": "64"}) as running:
        yield running


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with worker_pool(tmp_path_factory.mktemp("pool") / "pool.log") as address:
        yield address


@pytest.fixture(scope="module")
def pooled(cluster: Flink, pool: str) -> list[str]:
    """Yields `beam_pipeline_args` for workers of a pool, which run longer than the task."""
    return [*arguments(cluster), "--environment_type=EXTERNAL", f"--environment_config={pool}"]


def arguments(cluster: Flink, rest: str | None = None) -> list[str]:
    return [
        "--runner=PortableRunner",
        f"--job_endpoint={cluster.job_endpoint}",
        f"--artifact_endpoint={cluster.artifact_endpoint}",
        f"--flink_rest={cluster.rest if rest is None else rest}",
    ]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts tasks whose jobs wait for some seconds; the log of each is beside its output."""
    started: list[subprocess.Popen[bytes]] = []

    def task(args: list[str], output: Path, seconds: float) -> "subprocess.Popen[bytes]":
        request = json.dumps({"args": args, "output": str(output), "seconds": seconds})
        with output.with_suffix(".log").open("ab") as log:
            command = [sys.executable, str(TASK), request]
            started.append(subprocess.Popen(command, stdout=log, stderr=log))
        return started[-1]

    yield task
    for each in started:
        each.kill()
        each.wait()


def job_name(output: Path) -> str:
    """Waits until a task has recorded the name of its job, and returns the name."""
    record = output / ".headrace-beam-job.json"
    deadline = time.monotonic() + 60
    while not record.is_file():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.1)  # it is being written
    return str(json.loads(record.read_text("utf-8"))["name"])


def log_of(output: Path) -> str:
    return output.with_suffix(".log").read_text("utf-8")


def test_a_signal_ends_the_job_in_flink(
    cluster: Flink, start: Start, pooled: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    task = start(pooled, output, 300.0)
    name = job_name(output)
    job_id = cluster.await_state(name, "RUNNING")

    task.send_signal(signal.SIGTERM)

    assert task.wait(24) == 128 + signal.SIGTERM
    assert cluster.jobs()[name] == (job_id, "CANCELED")
    page = f"{cluster.rest}/#/job/running/{job_id}"
    assert f"waiting: Flink job {name}: {page}" in log_of(output)
    assert f"waiting: job {name} is in state CANCELED in Flink: {page}" in log_of(output)


@pytest.mark.parametrize("seconds", [0.0, 1.0, 2.5])
def test_a_signal_during_the_submission_leaves_no_job(
    seconds: float, cluster: Flink, start: Start, pooled: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    task = start(pooled, output, 300.0)
    name = job_name(output)
    time.sleep(seconds)

    task.send_signal(signal.SIGTERM)

    assert task.wait(24) == 128 + signal.SIGTERM
    time.sleep(10)
    assert cluster.jobs().get(name, ("", "CANCELED"))[1] == "CANCELED"


def test_a_retry_ends_the_job_of_a_killed_try_and_then_does_its_work(
    cluster: Flink, start: Start, pooled: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    killed = start(pooled, output, 300.0)
    name = job_name(output)
    job_id = cluster.await_state(name, "RUNNING")
    killed.kill()
    killed.wait()
    time.sleep(3)
    assert cluster.jobs()[name] == (job_id, "RUNNING")

    retry = start(pooled, output, 0.1)

    assert retry.wait(120) == 0
    assert cluster.jobs()[name] == (job_id, "CANCELED")
    assert json.loads(output.with_name("out.json").read_text("utf-8")) == [1, 2]
    assert list(output.iterdir()) == []


def test_a_signal_is_heard_where_flinks_api_is_down(
    cluster: Flink, start: Start, pool: str, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    args = [*arguments(cluster, "http://127.0.0.1:9"), "--environment_type=EXTERNAL"]
    task = start([*args, f"--environment_config={pool}"], output, 300.0)
    name = job_name(output)
    job_id = cluster.await_state(name, "RUNNING")

    task.send_signal(signal.SIGTERM)

    assert task.wait(24) == 128 + signal.SIGTERM
    assert "could not end its job in Flink, which may go on" in log_of(output)
    # The job server accepted the cancellation but did not pass it on; a retry that reaches Flink
    # ends it.
    assert cluster.jobs()[name] == (job_id, "RUNNING")
    retry = start(
        [*arguments(cluster), "--environment_type=EXTERNAL", f"--environment_config={pool}"],
        output,
        0.1,
    )
    assert retry.wait(120) == 0
    assert cluster.jobs()[name] == (job_id, "CANCELED")


def test_a_lost_task_manager_is_named_and_a_retry_succeeds(
    cluster: Flink, start: Start, pooled: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    task = start(pooled, output, 300.0)
    await_true(output.with_name("out.waits").exists)

    cluster.lose_task_manager()

    assert task.wait(90) == 75
    assert "waiting: Flink lost the TaskManager localhost:" in log_of(output)
    assert start(pooled, output, 0.1).wait(120) == 0


@pytest.mark.parametrize("workers", ["LOOPBACK", "EXTERNAL"])
def test_rows_and_statistics_of_the_penguins_equal_the_embedded_engines(
    workers: str, cluster: Flink, pooled: list[str], tmp_path: Path
) -> None:
    args = pooled if workers == "EXTERNAL" else [*arguments(cluster), "--environment_type=LOOPBACK"]

    logs = check_equal_to_embedded(args, tmp_path)

    for log in logs:
        assert "is DONE." in log
        # Flink closes the connections of workers without notice.
        assert "Traceback" not in log


def test_one_worker_serves_a_whole_job_where_flink_itself_has_beam(tmp_path: Path) -> None:
    data = penguins(tmp_path / "data")
    settings = {"classloader.resolve-order": "parent-first"}
    root, log = tmp_path / "flink", tmp_path / "pool.log"
    run("csv_example_gen", root, {"input_base": str(data)}, [])
    with flink(settings, has_beam=True) as own, worker_pool(log) as address:
        args = [
            *arguments(own),
            "--environment_type=EXTERNAL",
            f"--environment_config={address}",
            "--environment_cache_millis=60000",
        ]
        run("statistics_gen", root, {"beam_pipeline_args": args}, ["examples"])

    assert log.read_text("utf-8").count("Starting worker with command") == 1
    found = tfdv.load_stats_binary(str(root / "statistics/Split-train/FeatureStats.pb"))
    assert found.datasets[0].num_examples > 200


def metrics(root: Path) -> dict[tuple[str, str], str]:
    return {
        (str(found.slice_key), each.key.name): str(each.value)
        for found in results.metrics_of(root / "evaluation")
        for each in found.metric_keys_and_values
    }


def test_metrics_of_a_model_equal_the_embedded_engines(cluster: Flink, tmp_path: Path) -> None:
    config = eval_config(metric("AUC"), metric("ExampleCount"))
    args = [*arguments(cluster), "--environment_type=LOOPBACK"]
    embedded, on_flink = tmp_path / "embedded", tmp_path / "flink"
    for root, given in ((embedded, []), (on_flink, args)):
        write_examples(root / "examples", flights(2_000))
        save_model(root / "model")
        parameters = {"eval_config": config, "beam_pipeline_args": given}
        run("evaluator", root, parameters, ["examples", "model"])

    assert len(metrics(embedded)) == 10  # two data sets: of all rows, and of each carrier
    assert metrics(on_flink) == metrics(embedded)

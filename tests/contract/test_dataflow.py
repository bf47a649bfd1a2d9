"""Components on Dataflow: Beam's own runner submits to a server that speaks its REST API."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from apache_beam.internal.gcp import auth
from kfp import dsl

from beam_clusters import executor_input
from google_cloud import PROJECT, REGION, GoogleCloud, google_cloud, images
from headrace import ir
from headrace.compiler import compile_for
from headrace.frontend import load
from headrace.profiles.beam import BeamRunner
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.profiles.tasks import TaskSettings, TaskTables
from headrace.profiles.vertex import Vertex
from headrace_components import catalog
from headrace_components.beam import job
from headrace_components.data.examples import (
    BYTES_LIST,
    INT_LIST,
    ExamplesReader,
    ExamplesWriter,
    examples_metadata,
)
from headrace_components.errors import ComponentError, InputError, PlatformError
from headrace_components.task import Artifact
from launcher import Launcher
from statistics_oracle import differences

DIGEST = "sha256:" + "0123456789abcdef" * 4
NUM_ROWS = 500

COMMAND = [sys.executable, "-m", "headrace_components.filter_examples"]
FILTER = """
import wanted

def filter_batch_fn(batch):
    return wanted.even(batch["id"])
"""
SIBLING = """
import pyarrow.compute as pc

def even(ids):
    return pc.equal(pc.bit_wise_and(pc.list_flatten(ids), 1), 0)
"""


@pytest.fixture
def launcher(tmp_path: Path) -> Launcher:
    """Runs components by the rules of Vertex AI, which mounts the bucket."""
    (tmp_path / "store/bucket").mkdir(parents=True)
    return Launcher(root=tmp_path, rules="vertex")


@pytest.fixture
def cloud(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleCloud]:
    with google_cloud(launcher.root / "store", launcher.root / "key.json") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        # Beam looks for credentials once in a process.
        monkeypatch.setattr(auth._Credentials, "_credentials_init", False)
        yield running


def profile(cloud: GoogleCloud) -> Profile:
    runner = BeamRunner(
        runner="dataflow",
        temp_location="gs://bucket/beam",
        staging_location="gs://bucket/staging",
        network="default",
        subnetwork=f"regions/{REGION}/subnetworks/beam",
        service_account=f"beam@{PROJECT}.iam.gserviceaccount.com",
        machine_type="n2-standard-8",
        num_workers=2,
        max_workers=50,
        disk_size_gb=100,
        autoscaling="THROUGHPUT_BASED",
        flexrs="COST_OPTIMIZED",
        labels={"team": "ops"},
        encryption_key="projects/p/locations/l/keyRings/r/cryptoKeys/k",
        options=cloud.args,
    )
    return Profile(
        images=Images(
            registry="ghcr.io/mine/headrace", digests=dict.fromkeys(catalog.__all__, DIGEST)
        ),
        beam={"flow": runner},
        tasks=TaskTables(defaults=TaskSettings(beam="flow")),
        vertex=Vertex(pipeline_root="gs://bucket/root", project=PROJECT, region=REGION),
    )


@dsl.pipeline(name="Flights v2")
def flights() -> None:
    rows = catalog.csv_example_gen(input_base="gs://bucket/in").outputs["examples"]
    catalog.statistics_gen(examples=rows)
    catalog.filter_examples(examples=rows, filter_fn="a.b")


def args_for(task: str, cloud: GoogleCloud) -> list[str]:
    """Returns what the compiler writes for a task."""
    spec = compile_for(load(flights), "vertex", profile(cloud)).document["pipelineSpec"]
    (node,) = (node for node in ir.tasks(spec) if node.name == task)
    args: list[str] = ir.constant(ir.parameter_inputs(node.task)["beam_pipeline_args"])
    return args


def write_rows(directory: Path) -> None:
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([[row] for row in range(NUM_ROWS)], INT_LIST),
            pa.array([[b"w%d" % (row % 7)] for row in range(NUM_ROWS)], BYTES_LIST),
        ],
        ["id", "word"],
    )
    with ExamplesWriter(directory, "train", rows_per_shard=200) as writer:
        for start in range(0, NUM_ROWS, 100):
            writer.write(batch.slice(start, 100))


def intermediate_files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if ".headrace-beam-" in str(path) and path.is_file()]


@pytest.mark.slow
def test_a_component_runs_on_dataflow_as_its_profile_says(
    launcher: Launcher, cloud: GoogleCloud, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_rows(tmp_path / "examples")
    examples = launcher.store(tmp_path / "examples", examples_metadata(["train"]))
    expected = launcher.run("statistics_gen", examples=examples)
    args = args_for("statistics-gen", cloud)

    with caplog.at_level(logging.INFO):
        found = launcher.run("statistics_gen", {"beam_pipeline_args": args}, examples=examples)

    name = "Split-train/FeatureStats.pb"
    both = [
        tfdv.load_stats_binary(str(each["statistics"].path / name)) for each in (expected, found)
    ]
    assert differences(*both) == []
    assert intermediate_files(launcher.root) == []
    ((job_id, submitted),) = cloud.dataflow.jobs.items()
    uri = (
        f"https://dataflow.googleapis.com/v1b3/projects/{PROJECT}/locations/{REGION}/jobs/{job_id}"
    )
    resources = found["statistics"].metadata.pop("gcp_resources")
    assert json.loads(resources) == {
        "resources": [{"resourceType": "DataflowJob", "resourceUri": uri}]
    }
    assert found["statistics"].metadata == expected["statistics"].metadata
    link = f"console.cloud.google.com/dataflow/jobs/{REGION}/{job_id}?project={PROJECT}"
    assert f"statistics_gen: Dataflow job {job_id}: https://{link}" in caplog.text
    assert "JOB_MESSAGE_WARNING: Autoscaling: the quota of CPUs was reached." in caplog.text

    image = f"ghcr.io/mine/headrace/statistics_gen@{DIGEST}"
    assert images(submitted) == {image}
    request = submitted.request
    assert request["name"].startswith("headrace-statistics-gen-")
    assert request["type"] in ("JOB_TYPE_BATCH", 1)
    assert request["labels"] == {
        "headrace-pipeline": "flights-v2",
        "headrace-task": "statistics-gen",
        "team": "ops",
    }
    environment = request["environment"]
    assert environment["serviceAccountEmail"] == f"beam@{PROJECT}.iam.gserviceaccount.com"
    assert environment["serviceKmsKeyName"] == "projects/p/locations/l/keyRings/r/cryptoKeys/k"
    assert environment["flexResourceSchedulingGoal"] in ("FLEXRS_COST_OPTIMIZED", 2)
    assert not [name for name in environment["experiments"] if "streaming" in name]
    (workers,) = environment["workerPools"]
    assert {
        key: workers[key] for key in ("machineType", "diskSizeGb", "numWorkers", "network")
    } == {
        "machineType": "n2-standard-8",
        "diskSizeGb": 100,
        "numWorkers": 2,
        "network": "default",
    }
    assert workers["subnetwork"] == f"regions/{REGION}/subnetworks/beam"
    assert workers["workerHarnessContainerImage"] == image
    assert workers["ipConfiguration"] in ("WORKER_IP_PRIVATE", 2)
    assert workers["autoscalingSettings"]["maxNumWorkers"] == 50
    assert submitted.options["staging_location"].startswith("gs://bucket/staging/")


def run(cloud: GoogleCloud, launcher: Launcher, function: Any, *args: str) -> Any:
    """Runs a pipeline of one step in this process."""
    path = launcher.root / "store/bucket/run/output"
    path.mkdir(parents=True, exist_ok=True)
    output = Artifact(key="output", name="", uri="gs://bucket/run/output", path=path)

    def build(running: job.Job) -> Any:
        return running.gather(running.pipeline | beam.Create([1]) | beam.Map(function))

    return job.run("test", [*args_for("filter-examples", cloud), *args], output, build)


def test_what_a_worker_of_dataflow_reports_reaches_the_author(
    launcher: Launcher, cloud: GoogleCloud
) -> None:
    def fail(_: int) -> None:
        raise InputError("test: /a/b.csv has no column `x`, expected one. Add it.")

    with pytest.raises(InputError) as raised:
        run(cloud, launcher, fail)

    assert str(raised.value) == "test: /a/b.csv has no column `x`, expected one. Add it."
    assert intermediate_files(launcher.root) == []


def test_a_bug_on_a_worker_is_one_line_that_says_what_it_was(
    launcher: Launcher, cloud: GoogleCloud
) -> None:
    with pytest.raises(PlatformError) as raised:
        run(cloud, launcher, lambda number: number / 0)

    assert "did not end well on DataflowRunner: ZeroDivisionError: division by" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (
            403,
            PlatformError,
            "answered 403 to its job: .*x failed.* needs roles/dataflow.developer",
        ),
        (400, InputError, "answered 400 to its job: .*x failed.* Correct the options of Beam that"),
    ],
)
def test_a_job_that_is_refused_is_explained(
    status: int,
    kind: type[ComponentError],
    expected: str,
    launcher: Launcher,
    cloud: GoogleCloud,
) -> None:
    cloud.dataflow.refusals.append((status, "x failed."))

    with pytest.raises(kind, match=expected):
        run(cloud, launcher, str)


def test_the_name_of_a_job_that_runs_already_is_refused(
    launcher: Launcher, cloud: GoogleCloud
) -> None:
    cloud.dataflow.refusals.append((409, "There is already an active job named x."))

    with pytest.raises(
        InputError, match=r"answered 409 .*Leave out `--job_name`, so that each job"
    ):
        run(cloud, launcher, str, "--job_name=x")


@pytest.mark.parametrize(
    ("number", "stop"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_cancels_the_job(
    number: int, stop: type[BaseException], launcher: Launcher, cloud: GoogleCloud
) -> None:
    cloud.dataflow.holds = True
    # Before the client has the answer from which it knows the job.
    cloud.dataflow.when_created = lambda: os.kill(os.getpid(), number)

    with pytest.raises(stop):
        run(cloud, launcher, str)

    assert [each.state for each in cloud.dataflow.jobs.values()] == ["JOB_STATE_CANCELLING"]


class Pod:
    """The entry point of filter_examples as a container starts it, for one task that is retried."""

    def __init__(self, launcher: Launcher, cloud: GoogleCloud) -> None:
        self._store = launcher.root / "store"
        self._cloud = cloud
        (launcher.root / "gcs").symlink_to(self._store)
        write_rows(self._store / "bucket/run/examples")
        (launcher.root / "module.py").write_text(FILTER, "utf-8")
        (launcher.root / "wanted.py").write_text(SIBLING, "utf-8")
        self._output_file = launcher.root / "output.json"
        self.message = executor_input(
            "filter_examples",
            "gs://bucket/run",
            self._output_file,
            {
                "module_file": str(launcher.root / "module.py"),
                "beam_pipeline_args": args_for("filter-examples", cloud),
            },
            ["examples"],
        )
        self._root = launcher.root

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, "--executor_input", self.message],
            env={**os.environ, "HEADRACE_MOUNT_ROOT": str(self._root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start_job(self, number: int) -> subprocess.Popen[str]:
        """Starts the entry point and waits until its job runs and is on record."""
        process = self.start()
        record = self._store / "bucket/run/filtered_examples/.headrace-beam-job.json"
        deadline = time.monotonic() + 120
        while len(self._cloud.dataflow.jobs) < number or not record.exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return process

    @property
    def filtered(self) -> ExamplesReader:
        return ExamplesReader(self._store / "bucket/run/filtered_examples", "test")


@pytest.mark.slow
def test_a_job_ends_with_its_task_and_a_retry_ends_what_a_killed_task_left(
    launcher: Launcher, cloud: GoogleCloud
) -> None:
    pod = Pod(launcher, cloud)
    cloud.dataflow.holds = True

    cancelled = pod.start_job(1)
    cancelled.send_signal(signal.SIGTERM)
    log, _ = cancelled.communicate(timeout=60)
    assert cancelled.returncode == 128 + signal.SIGTERM, log
    assert "filter_examples: asked for the end of its job on Beam." in log
    states = [each.state for each in cloud.dataflow.jobs.values()]
    assert states == ["JOB_STATE_CANCELLING"]

    killed = pod.start_job(2)
    assert next(iter(cloud.dataflow.jobs.values())).state == "JOB_STATE_CANCELLED"
    killed.kill()
    killed.communicate(timeout=60)
    assert [each.state for each in cloud.dataflow.jobs.values()][1] == "JOB_STATE_RUNNING"

    cloud.dataflow.holds = False
    retried = pod.start()
    log, _ = retried.communicate(timeout=120)
    assert retried.returncode == 0, log
    (_, second, _) = cloud.dataflow.jobs
    assert f"an earlier try of this task left the Dataflow job {second}: waiting" in log
    assert [each.state for each in cloud.dataflow.jobs.values()] == [
        "JOB_STATE_CANCELLED",
        "JOB_STATE_CANCELLED",
        "JOB_STATE_DONE",
    ]
    assert pod.filtered.num_rows("train") == NUM_ROWS // 2
    assert intermediate_files(launcher.root) == []

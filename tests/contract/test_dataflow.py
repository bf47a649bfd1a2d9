"""Components on Dataflow: Beam's own runner submits to a server with Dataflow's REST API."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import json
import logging
import os
import signal
import subprocess
import sys
import threading
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

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.profiles.beam import BeamRunner
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.profiles.tasks import TaskSettings, TaskTables
from headrace.targets.vertex.settings import Vertex
from headrace_components import catalog
from headrace_components.contract.errors import ComponentError, InputError, PlatformError
from headrace_components.contract.task import Artifact
from headrace_components.library.beam import job
from headrace_components.library.data.examples import (
    BYTES_LIST,
    INT_LIST,
    ExamplesReader,
    ExamplesWriter,
    examples_metadata,
)
from support.fakes.dataflow import PROJECT, REGION, GoogleCloud, google_cloud, images
from support.launcher.entry_points import Launcher
from support.oracles.statistics import differences
from support.programs.beam_clusters import executor_input

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
        # Beam looks for credentials once per process.
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
        targets=(Vertex(pipeline_root="gs://bucket/root", project=PROJECT, region=REGION),),
    )


@dsl.pipeline(name="Flights v2")
def flights() -> None:
    rows = catalog.csv_example_gen(input_base="gs://bucket/in").outputs["examples"]
    catalog.statistics_gen(examples=rows)
    # A module that is loaded by dotted path must be in the image, such as `tfx`.
    catalog.filter_examples(examples=rows, filter_fn="tfx.filters.keep")


def args_for(task: str, cloud: GoogleCloud) -> list[str]:
    """Returns the arguments that the compiler writes for a task."""
    spec = compile_for(load(flights), "vertex", profile(cloud)).document["pipelineSpec"]
    (node,) = (node for node in specs.tasks(spec) if node.name == task)
    args: list[str] = specs.constant(specs.parameter_inputs(node.task)["beam_pipeline_args"])
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
    # Before the client has the answer with the job.
    cloud.dataflow.when_created = lambda: os.kill(os.getpid(), number)

    with pytest.raises(stop):
        run(cloud, launcher, str)

    assert [each.state for each in cloud.dataflow.jobs.values()] == ["JOB_STATE_CANCELLING"]


class Pod:
    """The entry point of filter_examples, started like in a container, for one retried task."""

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
        """Starts the entry point and waits until its job runs and is recorded."""
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


class Tasks:
    """Tasks of one process that has imported Beam and forks for each of them."""

    def __init__(self, launcher: Launcher, cloud: GoogleCloud) -> None:
        self.cloud = cloud
        self._root = launcher.root
        self._number = 0
        self._pid: int | None = None
        self._started = threading.Event()
        script = Path(__file__).parents[1] / "support/launcher/beam_tasks.py"
        self._process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def signal(self) -> None:
        """Sends SIGTERM to the running task, after its process ID is known."""
        assert self._started.wait(60)
        assert self._pid is not None
        os.kill(self._pid, signal.SIGTERM)
        time.sleep(0.05)  # the kernel and the scheduler may be slow

    def run(self, *args: str) -> tuple[int, str]:
        """Runs a task and returns its exit status and its log."""
        self._number += 1
        self._started.clear()
        log = self._root / f"{self._number}.log"
        request = {
            "args": [*args_for("filter-examples", self.cloud), *args],
            "output": str(self._root / f"store/bucket/run-{self._number}/output"),
            "uri": f"gs://bucket/run-{self._number}/output",
            "log": str(log),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        self._pid = int(self._process.stdout.readline())
        self._started.set()
        return int(self._process.stdout.readline()), log.read_text("utf-8")

    def at_request(self, wanted: int) -> list[str]:
        """Sends the task a signal at its nth request; returns the list with the requests."""
        asked: list[str] = []

        def note(method: str, path: str) -> None:
            asked.append(f"{method} {path}")
            if len(asked) == wanted:
                self.signal()

        self.cloud.when_asked = note
        return asked

    def states(self) -> set[str]:
        return {each.state for each in self.cloud.dataflow.jobs.values()}


@pytest.fixture
def tasks(launcher: Launcher, cloud: GoogleCloud) -> Iterator[Tasks]:
    running = Tasks(launcher, cloud)
    yield running
    running.close()


GONE = {"JOB_STATE_CANCELLING", "JOB_STATE_CANCELLED"}


@pytest.mark.slow
def test_no_job_goes_on_after_a_signal_at_any_request_of_its_task(tasks: Tasks) -> None:
    tasks.cloud.dataflow.holds = True
    noted: list[str] = []
    number = 0
    # The last requests only look at the job, and the job runs.
    while sum("GET /v1b3/" in each for each in noted) < 3:
        number += 1
        noted = tasks.at_request(number)
        code, log = tasks.run()

        assert code == 128 + signal.SIGTERM, log
        assert tasks.states() <= GONE, log
        assert len(noted) >= number
    posts = [each for each in noted if each.startswith("POST /v1b3/")]
    assert len(posts) == 1, "the signals came before, during and after the request for the job"
    assert number < 60


@pytest.mark.slow
def test_no_job_goes_on_whatever_else_happens_at_the_signal(tasks: Tasks) -> None:
    flow = tasks.cloud.dataflow
    flow.holds = True

    def created_slowly() -> None:
        tasks.signal()
        time.sleep(1.0)

    flow.when_created = created_slowly
    code, log = tasks.run()
    assert (code, tasks.states()) == (143, {"JOB_STATE_CANCELLING"}), log
    assert "is in state JOB_STATE_CANCELLING." in log

    # The service accepts the call, and acts on it later.
    flow.when_created, flow.ends_late = tasks.signal, 1.0
    code, log = tasks.run()
    assert (code, tasks.states() <= GONE) == (143, True), log
    assert "test: asked for the end of its job on Beam." in log

    # It never acts on it: the log reports this, and how to check.
    flow.ends_late = 100.0
    code, log = tasks.run()
    (*_, job_id) = flow.jobs
    assert code == 143
    assert (
        f"The Dataflow job {job_id} is in state JOB_STATE_RUNNING, still: look with `gcloud "
        f"dataflow jobs show {job_id} --region={REGION} --project={PROJECT}`." in log
    )
    flow.jobs.popitem()
    flow.ends_late = 0.0

    # Twice in a row, and many times.
    for times in (2, 20):

        def often(times: int = times) -> None:
            for _ in range(times):
                tasks.signal()

        flow.when_created = often
        code, log = tasks.run()
        assert (code, tasks.states() <= GONE) == (143, True), log
        assert log.count("asked for the end of its job") == 1

    # Another signal while the job is being ended.
    flow.when_created = tasks.signal
    tasks.cloud.when_asked = lambda method, path: (
        tasks.signal() if method == "PUT" and path.startswith("/v1b3") else None
    )
    code, log = tasks.run()
    assert (code, tasks.states() <= GONE) == (143, True), log
    tasks.cloud.when_asked = lambda _method, _path: None


@pytest.mark.slow
def test_a_job_whose_creation_is_not_answered_is_found_by_its_name(tasks: Tasks) -> None:
    flow = tasks.cloud.dataflow
    flow.holds = True
    answered = threading.Event()

    def created() -> None:
        tasks.signal()
        answered.wait(120)

    flow.when_created = created
    try:
        code, log = tasks.run()
    finally:
        answered.set()

    assert (code, tasks.states() <= GONE) == (143, True), log


@pytest.mark.slow
def test_a_job_that_ends_while_the_signal_comes_counts_as_ended(tasks: Tasks) -> None:
    flow = tasks.cloud.dataflow
    flow.when_done = tasks.signal
    code, log = tasks.run()
    assert code == 143, log
    assert tasks.states() <= {*GONE, "JOB_STATE_DONE"}

    # It has ended, but the task has not seen this yet.
    flow.jobs.clear()
    flow.when_done = lambda: None

    def polled(method: str, path: str) -> None:
        if (method, flow.jobs and "JOB_STATE_DONE" in tasks.states()) == ("GET", True):
            tasks.cloud.when_asked = lambda _method, _path: None
            tasks.signal()

    tasks.cloud.when_asked = polled
    code, log = tasks.run()
    assert (code, tasks.states()) == (143, {"JOB_STATE_DONE"}), log
    assert "could not cancel" not in log


@pytest.mark.slow
def test_a_killed_submission_leaves_the_name_by_which_its_job_is_found(
    launcher: Launcher, cloud: GoogleCloud
) -> None:
    tasks = Tasks(launcher, cloud)
    cloud.dataflow.holds = True

    def kill() -> None:
        assert tasks._started.wait(60)
        assert tasks._pid is not None
        os.kill(tasks._pid, signal.SIGKILL)

    cloud.dataflow.when_created = kill
    code, log = tasks.run()
    assert code == -signal.SIGKILL, log
    assert tasks.states() == {"JOB_STATE_RUNNING"}
    (left,) = cloud.dataflow.jobs

    tasks._number = 0  # the same output
    cloud.dataflow.when_created = lambda: None
    cloud.dataflow.holds = False
    code, log = tasks.run()
    tasks.close()
    assert code == 0, log
    assert f"an earlier try of this task left the Dataflow job {left}: waiting" in log
    assert cloud.dataflow.jobs[left].state == "JOB_STATE_CANCELLED"

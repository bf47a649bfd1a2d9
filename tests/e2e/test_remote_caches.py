"""A run on a cluster uses the cache for exactly the tasks without changes.

Pipelines are submitted to servers on this machine. What they received runs task after task, with a
cache that has the same keys as those of Kubeflow and Vertex AI.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.cloud.aiplatform_v1.types import PipelineJob
from google.protobuf import json_format

from headrace.cli.main import main
from headrace.targets.vertex import jobs_api
from headrace_components.library.clients.object_stores import open_store
from support.fakes import object_stores
from support.fakes.cloud_storage import cloud_storage
from support.fakes.kubeflow_api import KubeflowApi, kubeflow_api
from support.fakes.vertex_pipelines import VertexPipelines, vertex_pipelines
from support.launcher import compiled_runs
from support.launcher.entry_points import Launcher, Outcome, Rules
from support.launcher.remote_caches import RemoteCache

pytestmark = pytest.mark.slow

PIPELINE = """
from kfp import dsl
from headrace_components.catalog import csv_example_gen, filter_examples, statistics_gen

SPANS = {"splits": [{"name": "all", "pattern": "day-{SPAN}/*.csv"}]}

@dsl.pipeline(name="rides")
def rides(data: str, span: int = -1):
    days = csv_example_gen(input_base=f"{data}/days", input_config=SPANS, span=span)
    zones = csv_example_gen(input_base=data, input_config={"splits": [
        {"name": "all", "pattern": "zones.csv"}]})
    long = filter_examples(examples=days.outputs["examples"], module_file="module.py")
    statistics_gen(examples=long.outputs["filtered_examples"])
    statistics_gen(examples=zones.outputs["examples"])
"""
MODULE = "def filter_fn(record):\n    return len(record) > 2\n"
PROFILE = """
[images]
registry = "registry.example.com/headrace"
[images.digests]
csv_example_gen = "sha256:{digest}"
filter_examples = "sha256:{digest}"
latest_artifact = "sha256:{digest}"
schema_gen = "sha256:{digest}"
transform = "sha256:{digest}"
statistics_gen = "sha256:{digest}"
[kubeflow]
host = "{host}"
[vertex]
pipeline_root = "gs://bucket/root"
project = "my-project"
region = "europe-west1"
[caching]
input_fingerprint = "{mode}"
"""

BEFORE = {"csv-example-gen-fingerprint", "csv-example-gen-2-fingerprint"}
OF_DAYS = {"csv-example-gen", "filter-examples", "statistics-gen"}
OF_ZONES = {"csv-example-gen-2", "statistics-gen-2"}


class Cluster:
    """A service that runs the pipelines that were submitted to it."""

    def __init__(self, target: str, api: KubeflowApi | VertexPipelines, directory: Path) -> None:
        rules: Rules = "vertex" if target == "vertex" else "kfp-2.17"
        self.target, self.api, self.directory = target, api, directory
        self.mode, self._num_runs = "task", 0
        self.cache = RemoteCache(rules=rules)
        self._launcher = Launcher(root=directory / "cluster", rules=rules)
        self.data = directory / "data"
        self.project = directory / "project"
        self.project.mkdir()
        (self.project / "pipeline.py").write_text(PIPELINE, "utf-8")
        (self.project / "module.py").write_text(MODULE, "utf-8")

    def write(self, name: str, *miles: int) -> Path:
        file = self.data / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("miles\n" + "".join(f"{each}\n" for each in miles), "utf-8")
        return file

    def submit(self, *options: str, data: str = "") -> dict[str, Outcome]:
        """Submits the pipeline and runs it; returns the outputs of its tasks."""
        self._command("--no-wait", *options, data=data)
        return self.run_received()

    def schedule(self, data: str) -> None:
        """Makes a schedule for the pipeline; it does not start runs by itself."""
        self._command("--schedule", "0 3 * * *", data=data)

    def run_received(self) -> dict[str, Outcome]:
        """Runs the last submitted pipeline; returns the outputs of its tasks."""
        documents, parameters = self._received()
        text = yaml.safe_dump_all(documents)
        return compiled_runs.run(text, self._launcher, parameters, self.cache)

    def _command(self, *options: str, data: str) -> None:
        config = self.directory / "headrace.toml"
        text = PROFILE.format(host=self.api.address, mode=self.mode, digest="0" * 64)
        config.write_text(text, "utf-8")
        words = ["submit", str(self.project / "pipeline.py"), "--target", self.target]
        words += ["--config", str(config), "-p", f"data={data or self.data}"]
        assert main([*words, *options]) == 0

    def _received(self) -> tuple[list[Any], dict[str, Any]]:
        if isinstance(self.api, KubeflowApi):
            run = [*self.api.runs.values(), *self.api.recurring_runs.values()][-1]
            sent = run["pipeline_spec"]
            documents = (
                [sent["pipeline_spec"], sent["platform_spec"]]
                if "platform_spec" in sent
                else [sent]
            )
            return documents, run["runtime_config"]["parameters"]
        scheduled = [
            each.create_pipeline_job_request.pipeline_job for each in self.api.scheduled.values()
        ]
        message = PipelineJob.pb([*self.api.jobs.values(), *scheduled][-1])
        job = json_format.MessageToDict(message)
        return [job["pipelineSpec"]], job["runtimeConfig"]["parameterValues"]

    def begin_run(self) -> None:
        """Gives the run of the next submitted pipeline a new name."""
        self._num_runs += 1
        name = f"rides-{self._num_runs:014d}"
        self._launcher = dataclasses.replace(self._launcher, run_name=name)

    @property
    def store(self) -> Path:
        """The bucket with the artifacts."""
        return self._launcher.root / "store" / object_stores.BUCKET

    @property
    def ran(self) -> set[str]:
        return set(self.cache.ran)


@pytest.fixture(params=["kubeflow", "vertex"])
def cluster(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cluster]:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    monkeypatch.chdir(tmp_path)
    served = kubeflow_api() if request.param == "kubeflow" else vertex_pipelines()
    with served as api:
        monkeypatch.setenv(jobs_api.ENDPOINT_VARIABLE, api.address)
        made = Cluster(request.param, api, tmp_path)
        made.write("days/day-1/a.csv", 1, 2, 3)
        made.write("zones.csv", 1, 2, 3)
        yield made


def test_a_run_over_the_same_files_runs_nothing_but_what_looks_at_them(cluster: Cluster) -> None:
    first = cluster.submit()
    assert cluster.ran == BEFORE | OF_DAYS | OF_ZONES

    second = cluster.submit()

    assert cluster.ran == BEFORE
    statistics = second["statistics-gen"]["statistics"]
    assert statistics.uri == first["statistics-gen"]["statistics"].uri


Change = Callable[[Cluster], object]


def replaced_by_one_of_the_same_size_and_time(cluster: Cluster) -> None:
    file = cluster.data / "days/day-1/a.csv"
    before = file.stat()
    cluster.write("days/day-1/a.csv", 1, 2, 4)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (replaced_by_one_of_the_same_size_and_time, OF_DAYS),
        (lambda cluster: cluster.write("days/day-1/b.csv", 5), OF_DAYS),
        (lambda cluster: (cluster.data / "zones.csv").write_text("miles\n9\n"), OF_ZONES),
        (lambda cluster: cluster.write("days/day-2/a.csv", 1, 2, 3), OF_DAYS),
        (lambda cluster: cluster.write("days/day-0/a.csv", 7, 8), set()),
        (lambda cluster: cluster.write("days/notes.csv", 7), set()),
        (lambda cluster: cluster.write("days/day-1/_SUCCESS"), set()),
    ],
    ids=["replaced", "added", "other input", "newer span", "older span", "outside", "hidden"],
)
def test_what_a_change_touches_runs_and_nothing_else(
    change: Change, expected: set[str], cluster: Cluster
) -> None:
    cluster.submit()

    change(cluster)
    cluster.submit()

    assert cluster.ran == BEFORE | expected


def test_an_edited_module_runs_what_reads_it(cluster: Cluster) -> None:
    cluster.submit()

    (cluster.project / "module.py").write_text(MODULE.replace("> 2", "> 1"), "utf-8")
    cluster.submit()

    assert cluster.ran == BEFORE | {"filter-examples", "statistics-gen"}


def test_where_a_pipeline_is_submitted_from_makes_no_difference(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.submit()

    cluster.project = cluster.project.rename(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "elsewhere")
    cluster.submit()

    assert cluster.ran == BEFORE


@pytest.fixture(params=["s3", "gs"])
def bucket(
    request: pytest.FixtureRequest,
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """The URI of a copy of the data in another store."""
    buckets = tmp_path / "cloud-storage"
    (buckets / object_stores.BUCKET).mkdir(parents=True)
    store = object_stores.s3() if request.param == "s3" else cloud_storage(buckets)
    with store as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        uri = f"{request.param}://{object_stores.BUCKET}/rides"
        put(uri, "days/day-1/a.csv", "miles\n1\n2\n3\n")
        put(uri, "zones.csv", "miles\n1\n2\n3\n")
        yield uri


def put(uri: str, name: str, text: str) -> None:
    store, path = open_store(f"{uri}/{name}")
    with store.open_output_stream(path) as file:
        file.write(text.encode())


def test_objects_that_are_replaced_or_added_run_what_reads_them(
    cluster: Cluster, bucket: str
) -> None:
    cluster.submit(data=bucket)
    assert cluster.ran == BEFORE | OF_DAYS | OF_ZONES

    cluster.submit(data=bucket)
    assert cluster.ran == BEFORE

    put(bucket, "days/day-1/a.csv", "miles\n1\n2\n4\n")  # with the same length
    cluster.submit(data=bucket)
    assert cluster.ran == BEFORE | OF_DAYS

    put(bucket, "days/day-1/b.csv", "miles\n5\n")
    cluster.submit(data=bucket)
    assert cluster.ran == BEFORE | OF_DAYS

    put(bucket, "days/day-2/a.csv", "miles\n1\n2\n3\n")
    cluster.submit(data=bucket)
    assert cluster.ran == BEFORE | OF_DAYS

    cluster.submit(data=bucket)
    assert cluster.ran == BEFORE


def test_submit_may_look_itself_and_the_run_has_no_task_for_it(
    cluster: Cluster, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.mode = "submit"
    before = BEFORE if bucket.startswith("s3") else set()

    cluster.submit(data=bucket)
    assert cluster.ran == before | OF_DAYS | OF_ZONES
    cluster.submit(data=bucket)
    assert cluster.ran == before
    put(bucket, "zones.csv", "miles\n1\n2\n4\n")
    cluster.submit(data=bucket)
    assert cluster.ran == before | OF_ZONES

    other = "may be other files on this machine"
    expected = (
        f"taken in the run by csv-example-gen-fingerprint ('{bucket}/days' {other}), "
        f"csv-example-gen-2-fingerprint ('{bucket}' {other})."
        if before
        else f"taken here of csv-example-gen at {bucket}/days, csv-example-gen-2 at {bucket}."
    )
    assert capsys.readouterr().err.count(f"Input fingerprints: {expected}\n") == 3


def test_runs_of_a_schedule_look_each_for_themselves(cluster: Cluster, bucket: str) -> None:
    cluster.mode = "submit"
    cluster.schedule(data=bucket)

    cluster.run_received()
    put(bucket, "zones.csv", "miles\n1\n2\n4\n")
    cluster.run_received()
    assert cluster.ran == BEFORE | OF_ZONES
    cluster.run_received()
    assert cluster.ran == BEFORE


def test_without_the_cache_nothing_looks_at_files(cluster: Cluster) -> None:
    cluster.submit()
    cluster.submit("--no-cache")

    assert cluster.ran == OF_DAYS | OF_ZONES


ACCUMULATING = """
from kfp import dsl
from headrace_components.catalog import (
    csv_example_gen, latest_artifact, schema_gen, statistics_gen, transform)

@dsl.pipeline(name="rides")
def rides(data: str):
    rows = csv_example_gen(input_base=data, input_config={"splits": [
        {"name": "all", "pattern": "zones.csv"}]}).outputs["examples"]
    schema = schema_gen(statistics=statistics_gen(examples=rows).outputs["statistics"]).output
    known = latest_artifact(producer="transform", output="updated_analyzer_cache")
    transform(examples=rows, schema=schema, analyzer_cache=known.outputs["artifact"],
              module_file="module.py", disable_statistics=True)
"""
TRANSFORMING = """
import tensorflow_transform as tft

def preprocessing_fn(inputs):
    return {"scaled": tft.scale_to_z_score(inputs["miles"])}
"""


def test_accumulators_of_an_earlier_run_fit_and_are_no_change_by_themselves(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cluster.project / "pipeline.py").write_text(ACCUMULATING, "utf-8")
    (cluster.project / "module.py").write_text(TRANSFORMING, "utf-8")
    looking = {"csv-example-gen-fingerprint", "latest-artifact-fingerprint"}

    def submit() -> set[str]:
        """Returns the data sets for which the run has accumulators."""
        cluster.begin_run()
        done = cluster.submit()
        object_stores.put(variables, cluster.store, "")
        return {each.name for each in done["transform"]["updated_analyzer_cache"].path.iterdir()}

    with object_stores.s3() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        first = submit()
        assert {"latest-artifact", "transform"} < cluster.ran

        # Now there are accumulators for the first time; after that they stay the same.
        assert submit() == first
        assert cluster.ran == looking | {"latest-artifact", "transform"}
        assert submit() == first
        assert cluster.ran == looking

        edited = TRANSFORMING.replace('{"scaled"', '{"miles": inputs["miles"], "scaled"')
        (cluster.project / "module.py").write_text(edited, "utf-8")
        assert submit() == first
        assert cluster.ran == looking | {"transform"}

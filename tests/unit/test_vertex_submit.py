"""`headrace submit --target vertex`, through the real client and a server of the API's protos."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.backends.vertex import client
from headrace.cli import main
from vertex_pipelines import VertexPipelines, vertex_pipelines

PARENT = "projects/my-project/locations/europe-west1"
PIPELINE = """
from kfp import dsl

@dsl.container_component
def step(text: str, before: str = "") -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="ghcr.io/mine/step", command=["echo", text])

@dsl.pipeline(name="Three_Steps")
def three_steps(text: str, times: int = 2):
    first = step(text=text).set_display_name("first")
    second = step(text="b").after(first)
    step(text="c").after(second)
"""
PROFILE = """
[vertex]
pipeline_root = "gs://bucket/root"
project = "my-project"
region = "europe-west1"
service_account = "runner@my-project.iam.gserviceaccount.com"
parameters = { text = "of the profile" }
"""


@pytest.fixture
def vertex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VertexPipelines]:
    monkeypatch.setattr(client, "_RETRY_SECONDS", (0.01, 0.01))
    (tmp_path / "pipeline.py").write_text(PIPELINE, "utf-8")
    (tmp_path / "headrace.toml").write_text(PROFILE, "utf-8")
    monkeypatch.chdir(tmp_path)
    with vertex_pipelines() as server:
        monkeypatch.setenv(client.ENDPOINT_VARIABLE, server.address)
        yield server


def submit(*options: str) -> int:
    return main(["submit", "pipeline.py", "--target", "vertex", "--poll", "0.1", *options])


def test_a_run_is_started_and_watched_to_its_end(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    vertex.fates["step-2"] = ("SKIPPED", "")

    assert submit("-p", "text=hello") == 0

    (name,) = vertex.jobs
    run_id = name.removeprefix(f"{PARENT}/pipelineJobs/")
    assert re.fullmatch(r"three-steps-\d{8}-\d{6}-[0-9a-f]{4}", run_id)
    parameters = vertex.jobs[name].runtime_config.parameter_values
    assert dict(parameters) == {"text": "hello"}
    captured = capsys.readouterr()
    page = (
        "https://console.cloud.google.com/vertex-ai/locations/europe-west1/pipelines/runs/"
        f"{run_id}?project=1234567890"
    )
    assert captured.out == f"Run: {run_id}\nPage: {page}\nPage: {page}\n"
    events = [line for line in captured.err.splitlines() if "log at" not in line]
    assert [re.sub(r"^\s*\S+( \S+)?  ", "", line) for line in events[1:-1]] == [
        "step    started",
        "step    done  1m 30s",
        "step-2  cached  1m 30s",
        "step-3  started",
        "step-3  done  1m 30s",
    ]
    assert events[-1] == f"Run {run_id} succeeded in 30m 00s: 2 done, 1 cached"


def test_a_failed_run_ends_with_the_reason_and_the_log(
    vertex: VertexPipelines, capsys: pytest.CaptureFixture[str]
) -> None:
    vertex.fates["step-2"] = ("FAILED", "The replica workerpool0-0 exited with status 2.")

    assert submit() == 1

    *_, name, reason, log = capsys.readouterr().err.splitlines()
    assert (name, reason) == ("step-2 failed:", "The replica workerpool0-0 exited with status 2.")
    assert re.fullmatch(
        r"Its log: https://console.cloud.google.com/logs/query;query=resource.type%3D%22ml_job%22"
        r"%0Aresource.labels.job_id%3D%22\d+%22;duration=P30D\?project=1234567890",
        log,
    )

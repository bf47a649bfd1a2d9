"""The pages over runs of services: answers of a real Kubeflow, and Vertex AI's own client."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from headrace.cli.main import main
from headrace.targets.vertex import jobs_api
from support.fakes.kubeflow_api import kubeflow_api
from support.fakes.kubeflow_metadata import Recorder, metadata_server
from support.fakes.vertex_pipelines import vertex_pipelines
from support.programs.browser import visit
from support.programs.ui_server import served

RUNS = Path(__file__).parents[2] / "fixtures" / "kubeflow_runs"
FAILED_POD = "camp2-trfail-9trxl-system-container-impl-2380975042"
PIPELINE = """
from kfp import dsl

@dsl.container_component
def step(text: str, before: str = "") -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="ghcr.io/mine/step", command=["echo", text])

@dsl.pipeline(name="steps")
def steps(text: str = "<script>alert(1)</script>", times: list = [1, 2]):
    first = step(text=text)
    with dsl.ParallelFor(times):
        step(text="b").after(first)
"""
VERTEX = """
[vertex]
pipeline_root = "gs://bucket/root"
project = "my-project"
region = "europe-west1"
service_account = "runner@my-project.iam.gserviceaccount.com"
"""


@pytest.fixture
def kubeflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Pages over one run of a Kubeflow, of which a task failed, and the ID of the run."""
    run = json.loads((RUNS / "run_failed_task.json").read_text("utf-8"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    config = tmp_path / "headrace.toml"
    with kubeflow_api() as api:
        api.runs[run["run_id"]] = run
        api.logs[FAILED_POD] = (RUNS / "node_log_failed_task.txt").read_text("utf-8")
        config.write_text(f'[kubeflow]\nhost = "{api.address}"\n', "utf-8")
        options = ["--target", "kubeflow", "--config", str(config)]
        with served(tmp_path / "no root", *options) as address:
            yield address.rstrip("/"), run["run_id"]


def test_a_run_of_kubeflow_is_listed_drawn_and_its_failure_explained(
    browser: Browser, kubeflow: tuple[str, str]
) -> None:
    address, run_id = kubeflow
    with visit(browser, address) as tab:
        page = tab.page
        page.get_by_role("link", name=run_id).click()
        expect(page.locator("#state")).to_contain_text("failed")
        expect(page.locator("main .problem")).to_contain_text("my own error in preprocessing_fn")
        graph = page.locator("svg.graph")
        expect(graph.get_by_role("link", name="transform")).to_have_class("box bad")
        expect(graph.get_by_role("link", name="csv-example-gen")).to_have_class("box good")
        expect(page.locator(".command")).to_contain_text("headrace runs watch --target kubeflow")
        graph.get_by_role("link", name="transform").click()
        expect(page.get_by_role("region", name="Log")).to_contain_text("my own error")
        assert tab.complaints == []
        assert tab.foreign == []


def test_a_run_of_vertex_is_listed_and_drawn(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pipeline.py").write_text(PIPELINE, "utf-8")
    (tmp_path / "headrace.toml").write_text(VERTEX, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with vertex_pipelines() as server:
        monkeypatch.setenv(jobs_api.ENDPOINT_VARIABLE, server.address)
        assert (
            main(["submit", "pipeline.py", "--target", "vertex", "--no-wait", "--run-id", "a-run"])
            == 0
        )
        with (
            served(tmp_path / "no root", "--target", "vertex") as address,
            visit(browser, address) as tab,
        ):
            tab.page.get_by_role("link", name="a-run").click()
            expect(
                tab.page.locator("svg.graph").get_by_role("link", name="step, step")
            ).to_be_visible()
            expect(tab.page.get_by_role("row", name="text")).to_contain_text(
                "<script>alert(1)</script>"
            )
            assert tab.complaints == []


def test_an_artifact_of_a_cluster_is_shown_by_its_records(browser: Browser, tmp_path: Path) -> None:
    with metadata_server(tmp_path / "metadata.sqlite") as (host, store, _):
        recorder = Recorder(store, "flights", "run-1")
        model = recorder.artifact("minio://bucket/model", "tfx.Model")
        recorder.task("trainer", outputs={"model": model})
        blessing = recorder.artifact("minio://bucket/blessing", "tfx.ModelBlessing", blessed=1.0)
        recorder.task("evaluator", inputs={"model": [model]}, outputs={"blessing": blessing})
        options = ["--target", "kubeflow", "--metadata", f"grpc://{host}"]
        with (
            served(tmp_path / "no root", *options) as address,
            visit(browser, f"{address}artifacts?uri=minio://bucket/model") as tab,
        ):
            expect(tab.page.get_by_text("It is at minio://")).to_be_visible()
            used = tab.page.get_by_role("region", name="Who used it")
            expect(used.get_by_role("rowheader")).to_contain_text("evaluator of run-1")
            assert "store_session_info" not in tab.page.content()
            tab.page.get_by_role("link", name="Lineage up and down").click()
            up = tab.page.get_by_role("region", name="Up: what it goes back to")
            expect(up.get_by_role("rowheader")).to_contain_text("trainer of run-1")
            down = tab.page.get_by_role("region", name="Down: what was made of it")
            expect(down.get_by_role("rowheader")).to_contain_text("evaluator of run-1")
            tab.page.get_by_role("link", name="Models").click()
            expect(tab.page.get_by_text("are on the pages of its runs")).to_be_visible()
            assert tab.complaints == []


@pytest.mark.slow
def test_a_service_that_cannot_be_reached_is_told_on_a_page(tmp_path: Path) -> None:
    config = tmp_path / "headrace.toml"
    config.write_text('[kubeflow]\nhost = "http://127.0.0.1:9"\n', "utf-8")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    options = ["--target", "kubeflow", "--config", str(config)]
    with (
        served(tmp_path, *options) as address,
        pytest.raises(urllib.error.HTTPError) as refused,
    ):
        direct.open(address, timeout=300)  # it is tried again for half a minute

    assert refused.value.code == 503
    assert "http://127.0.0.1:9 cannot be reached" in refused.value.read().decode()

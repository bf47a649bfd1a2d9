"""The pages of all artifacts of real runs, and their comparison."""

import html
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from headrace.lineage.local_store.connection import default_url
from headrace.lineage.local_store.reader import StoreLineage
from headrace.lineage.records import ArtifactRef, Execution
from support.programs.browser import WIDTHS, visit
from support.programs.ui_server import served

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[3] / "examples/penguins"

SHOWN = {
    "Examples": ("Rows 1 to 20 of 240", "bill_length_mm"),
    "ExampleStatistics": ("bill_length_mm", "different values"),
    "Schema": ("in each row", "values per row"),
    "ExampleAnomalies": ("No anomalies",),
    "TransformGraph": (
        "Features before",
        "Features after",
        "Functions of TensorFlow Transform",
        "scale_to_z_score",
    ),
    "Model": ("serving_default", "Parameters", "curl http://localhost:8501/"),
    "PushedModel": ("pushed",),
    "ModelRun": ("epoch_loss",),
    "ModelEvaluation": (" threshold holds.", "island = Biscoe"),
    "ModelBlessing": ("The model is ",),
    "system.Metrics": ("<h2>Metrics</h2>", '<td class="number">'),
    "system.HTML": ("iframe",),
    "system.ClassificationMetrics": (),
    "TransformCache": (),
}
"""What the page of an artifact of each type contains."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RealRuns:
    """A root with two runs of the quick start, oldest first, and the server that shows them."""

    address: str
    runs: list[str]
    executions: list[list[Execution]]

    def output(self, run: int, port: str) -> ArtifactRef:
        return next(
            refs[0] for each in self.executions[run] for name, refs in each.outputs.items()
            if name == port
        )  # fmt: skip


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRuns]:
    folder = tmp_path_factory.mktemp("runs")
    root = folder / "root"
    data = folder / "data/penguins.csv"
    subprocess.run([sys.executable, str(EXAMPLE / "prepare_data.py"), str(data)], check=True)
    for steps in (200, 20):
        command = [sys.executable, "-m", "headrace.cli.main", "run", str(EXAMPLE / "pipeline.py")]
        command += ["--root", str(root), "-p", f"data={data.parent}"]
        command += ["-p", f"train_steps={steps}", "-p", f"serving_dir={root}/serving"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    store = StoreLineage(default_url(root))
    runs = [each.run_id for each in store.runs()][::-1]
    with served(root) as address:
        yield RealRuns(address=address, runs=runs, executions=[store.run(each)[1] for each in runs])


def test_the_page_of_every_artifact_shows_what_it_holds(browser: Browser, real: RealRuns) -> None:
    seen = set()
    with visit(browser, real.address) as found:
        for execution in (each for run in real.executions for each in run):
            for port, refs in execution.outputs.items():
                where = f"{execution.task}, {port}"
                found.page.goto(f"{real.address}artifacts?{urlencode({'uri': refs[0].uri})}")
                text = html.unescape(found.page.content())
                # A resolver that found nothing leaves empty artifacts.
                is_empty = execution.run_id == real.runs[0] and "latest" in execution.task
                for words in () if is_empty else SHOWN[refs[0].type]:
                    assert words in text, where
                # What cannot be read is said under this heading.
                assert is_empty or "<h2>Contents</h2>" not in text, where
                seen.add(refs[0].type)
    assert found.complaints == []
    assert seen == set(SHOWN)


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_no_page_of_a_real_artifact_is_wider_than_the_window(
    browser: Browser, real: RealRuns, width: int
) -> None:
    with visit(browser, real.address, width=width, dark=True) as found:
        for execution in real.executions[0]:
            for port, refs in execution.outputs.items():
                found.page.goto(f"{real.address}artifacts?{urlencode({'uri': refs[0].uri})}")
                assert found.overflow() == 0, port
    assert found.complaints == []


def test_runs_lead_to_the_comparison_of_their_slices(browser: Browser, real: RealRuns) -> None:
    query = urlencode([("run", each) for each in real.runs])
    with visit(browser, f"{real.address}compare?{query}", scripts=False) as found:
        page = found.page
        # Statistics and schema are those of the first run, from the cache; the baseline is another.
        outputs = page.get_by_role("region", name="Outputs")
        assert outputs.get_by_role("rowheader").all_inner_texts() == [
            "latest-blessed-model: model",
            "trainer: model",
            "trainer: metrics",
            "evaluator: evaluation",
            "evaluator: metrics",
        ]
        outputs.get_by_role("link", name="Compare evaluation of evaluator").click()
        changes = page.locator("#comparison").get_by_role("region", name="Changes of metrics")
        assert changes.get_by_role("row").count() == 5
        first = changes.get_by_role("row").nth(1).inner_text()
        assert re.search(r"sparse_categorical_accuracy.*island = |all rows", first)


def test_a_task_leads_to_its_artifacts_and_they_lead_to_their_task(
    browser: Browser, real: RealRuns
) -> None:
    with visit(browser, f"{real.address}runs/{real.runs[0]}/tasks/trainer") as found:
        page = found.page
        uri = real.output(0, "model_run").uri
        page.locator(f"a[href*='{urlencode({'uri': uri})}']").click()
        assert page.get_by_role("heading", level=1).inner_text().startswith("ModelRun")
        page.get_by_role("link", name="trainer", exact=True).first.click()
        assert page.url.endswith(f"/runs/{real.runs[0]}/tasks/trainer")


def test_the_page_of_models_has_both_with_verdicts_and_the_newest_push(
    browser: Browser, real: RealRuns
) -> None:
    with visit(browser, f"{real.address}models") as found:
        models = found.page.get_by_role("region", name="All models")
        assert models.get_by_role("link", name=real.runs[0]).count() == 1
        assert models.get_by_role("link", name=real.runs[1]).count() == 1
        assert models.get_by_text("newest there").count() == 1
        assert models.get_by_text("sparse_categorical_accuracy").count() >= 2


def test_all_pages_of_runs_and_their_reports_name_their_run(
    browser: Browser, real: RealRuns
) -> None:
    run = real.runs[1]
    tasks = {each.task for each in real.executions[1]}
    reports = 0
    for path in (f"/runs/{run}", *(f"/runs/{run}/tasks/{task}" for task in sorted(tasks))):
        with visit(browser, real.address.rstrip("/") + path) as tab:
            assert tab.overflow() == 0, path
            for frame in tab.page.locator("iframe").all():
                frame.scroll_into_view_if_needed()
                frame.content_frame.get_by_text(f"Pipeline penguins, run {run}").wait_for()
                reports += 1
            assert tab.complaints == [], path
            assert tab.foreign == [], path
    assert reports >= 3

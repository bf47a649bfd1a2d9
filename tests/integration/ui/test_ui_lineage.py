"""The pages of lineage and of models in a real browser, over a real run and over many."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from headrace.lineage.local_store.connection import default_url
from headrace.lineage.local_store.writer import ArtifactRecord, LineageStore
from support.programs.browser import WIDTHS, visit
from support.programs.ui_server import served

EVIL = "<b>model</b>"
NUM_RUNS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Pages:
    """A root with runs that share their data, and the server that shows them."""

    root: Path
    address: str

    def lineage(self, uri: str) -> str:
        return f"{self.address}lineage?{urlencode({'uri': str(self.root / uri)})}"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    root = tmp_path_factory.mktemp("root")
    store = LineageStore(default_url(root))
    examples = ArtifactRecord(uri=str(root / "examples"), type="tfx.Examples", metadata={})
    for number in range(NUM_RUNS):
        run_id = f"run-{number:03}"
        store.begin_run("first" if number % 2 else EVIL, run_id, {})
        made = store.begin_execution(run_id, "csv-example-gen", "csv_example_gen", {}, {})
        state = "cached" if number else "complete"
        store.finish_execution(made, state, {"examples": [examples]})  # type: ignore[arg-type]
        model = ArtifactRecord(uri=str(root / f"{run_id}/model"), type="tfx.Model", metadata={})
        trained = store.begin_execution(run_id, "trainer", "trainer", {}, {"examples": [examples]})
        store.finish_execution(trained, "complete", {"model": [model]})
        is_good = number % 3 == 0
        judged = store.begin_execution(run_id, "evaluator", "evaluator", {}, {"model": [model]})
        blessing = ArtifactRecord(
            uri=str(root / f"{run_id}/blessing"),
            type="tfx.ModelBlessing",
            metadata={"blessed": int(is_good)},
        )
        metrics = ArtifactRecord(
            uri=str(root / f"{run_id}/metrics"), type="system.Metrics", metadata={"auc": 0.5}
        )
        store.finish_execution(judged, "complete", {"blessing": [blessing], "metrics": [metrics]})
        pushed = store.begin_execution(run_id, "pusher", "pusher", {}, {"model": [model]})
        metadata = {"pushed": 1, "pushed_destination": f"/serving/p/{number}"} if is_good else {}
        record = ArtifactRecord(
            uri=str(root / f"{run_id}/pushed"),
            type="tfx.PushedModel",
            metadata={"pushed": 0, **metadata},
        )
        store.finish_execution(pushed, "complete", {"pushed_model": [record]})
        store.finish_run(run_id, "complete")
    with served(root) as address:
        yield Pages(root=root, address=address)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_models_and_lineage_fit_each_window(
    browser: Browser, pages: Pages, width: int, dark: bool
) -> None:
    for address in (
        f"{pages.address}models",
        pages.lineage("examples"),
        pages.lineage("run-003/model"),
    ):
        with visit(browser, address, width=width, dark=dark) as found:
            assert found.overflow() == 0
            assert found.complaints == []
            assert found.foreign == []


def test_the_newest_model_at_a_place_is_first_and_once(browser: Browser, pages: Pages) -> None:
    with visit(browser, f"{pages.address}models") as found:
        newest = found.page.get_by_role("region", name="Newest at each place")
        assert newest.get_by_role("row").count() == 2  # the headings, and /serving/p
        assert newest.get_by_role("link", name="57", exact=True).count() == 1
        assert found.page.get_by_text("newest there").count() == 1


def test_models_are_chosen_by_pipeline_and_verdict_and_shown_some_at_a_time(
    browser: Browser, pages: Pages
) -> None:
    with visit(browser, f"{pages.address}models", scripts=False) as found:
        page = found.page
        assert "1 to 50 of 60" in page.content()
        page.get_by_role("link", name="Next").click()
        assert "51 to 60 of 60" in page.content()
        page.get_by_label("Pipeline").select_option(EVIL)
        page.get_by_label("Only").select_option("blessed")
        page.get_by_role("button", name="Show").click()
        assert "1 to 10 of 10" in page.content()
        models = page.get_by_role("region", name="All models")
        assert models.get_by_role("cell", name=EVIL).count() == 10
        assert models.get_by_text("not blessed").count() == 0
        models.get_by_role("link", name="run-054").click()
        assert "/artifacts?" in page.url


def test_a_model_leads_up_to_its_data_and_down_to_what_was_made_of_it(
    browser: Browser, pages: Pages
) -> None:
    with visit(browser, pages.lineage("run-003/model"), scripts=False) as found:
        page = found.page
        up = page.get_by_role("region", name="Up: what it goes back to")
        down = page.get_by_role("region", name="Down: what was made of it")
        assert up.get_by_role("rowheader").all_inner_texts() == [
            "csv-example-gen of run-000",
            "trainer of run-003",
        ]
        assert down.get_by_role("rowheader").all_inner_texts() == [
            "evaluator of run-003",
            "pusher of run-003",
        ]
        picture = page.get_by_role("group", name="Tasks before and after this artifact")
        assert picture.get_by_role("link").count() == 4
        assert picture.get_by_role("img", name="this artifact").count() == 1
        up.get_by_role("link", name="examples").first.click()
        assert "Examples" in page.get_by_role("heading", level=1).inner_text()


def test_data_of_many_runs_is_a_list_that_says_where_it_ends(
    browser: Browser, pages: Pages
) -> None:
    with visit(browser, pages.lineage("examples"), scripts=False) as found:
        page = found.page
        assert page.locator("svg.lineage").count() == 0
        assert "so there is no picture" in page.content()
        down = page.get_by_role("region", name="Down: what was made of it")
        assert down.get_by_role("rowheader").count() == 3 * NUM_RUNS


def test_a_root_without_runs_has_no_models(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path) as address, visit(browser, f"{address}models") as found:
        assert "there is no metadata store" in found.page.content()
        found.page.goto(f"{address}lineage?uri=x")
        assert "there is no metadata store" in found.page.content()

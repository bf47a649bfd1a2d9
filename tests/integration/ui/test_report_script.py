"""The script of a report, in a real browser; and the report where no script runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv

from headrace_components.library.data import statistics
from headrace_components.library.reports.frames import frame
from headrace_components.statistics_gen.report import statistics_report
from support.programs.browser import WIDTHS, visit

FLOATS = pa.large_list(pa.float32())


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on 80 features, where the local target would have put it."""
    numbers = np.random.default_rng(0)
    columns = {f"x_{index:02}": numbers.normal(index, 1, 50) for index in range(77)}
    columns |= {f"flat_{index}": np.full(50, 7.0) for index in range(2)}
    columns["a name/with <b>&;#?"] = np.full(50, 3.0)
    batch = pa.RecordBatch.from_pydict(
        {
            name: pa.array([[value] for value in values], FLOATS)
            for name, values in sorted(columns.items())
        }
    )
    root = tmp_path_factory.mktemp("a root with blanks")
    path = root / "penguins/20261122-101500-3f2a1b/statistics-gen/report.html"
    path.parent.mkdir(parents=True)
    path.write_bytes(statistics_report({"train": statistics.compute([batch], tfdv.StatsOptions())}))
    return path


def names(page: Any) -> list[str]:
    """The features of the table that can be seen, in their order."""
    rows = page.locator("table[data-sortable] tbody tr")
    found = [rows.nth(index) for index in range(rows.count())]
    return [row.get_attribute("data-name") for row in found if row.is_visible()]


def test_the_search_and_the_filter_leave_what_was_asked_for(browser: Any, report: Path) -> None:
    with visit(browser, report.as_uri()) as tab:
        box = tab.page.get_by_label("Find features")
        box.fill("X_ 71")
        assert names(tab.page) == ["x_71"]
        assert tab.page.get_by_text("1 found").is_visible()
        box.fill("")
        assert len(names(tab.page)) == 80

        tab.page.get_by_label("Show").select_option("unusual")

        assert names(tab.page) == ["a name/with <b>&;#?", "flat_0", "flat_1"]
        assert (tab.complaints, tab.foreign) == ([], [])


def test_a_click_on_a_heading_sorts_by_numbers_and_another_one_turns_them(
    browser: Any, report: Path
) -> None:
    with visit(browser, report.as_uri()) as tab:
        heading = tab.page.get_by_role("columnheader", name="Mean")
        heading.get_by_role("button").click()
        rising = [name for name in names(tab.page) if name.startswith("x_")]
        assert heading.get_attribute("aria-sort") == "ascending"
        # Means differ by 1 and their errors by 0.14: features far from each other are in order.
        assert rising.index("x_02") < rising.index("x_10") < rising.index("x_70")

        heading.get_by_role("button").press("Enter")

        assert heading.get_attribute("aria-sort") == "descending"
        assert [name for name in names(tab.page) if name.startswith("x_")] == rising[::-1]


def test_a_link_opens_the_folded_card(browser: Any, report: Path) -> None:
    with visit(browser, report.as_uri()) as tab:
        heading = tab.page.get_by_role("heading", name="x_40", exact=True)
        assert not heading.is_visible()

        tab.page.get_by_role("row").get_by_role("link", name="x_40").click()

        assert heading.is_visible()


def test_the_page_names_the_run_that_its_place_names(browser: Any, report: Path) -> None:
    with visit(browser, report.as_uri()) as tab:
        assert tab.page.get_by_text("Pipeline penguins, run 20261122-101500-3f2a1b").is_visible()
        assert "penguins 20261122-101500-3f2a1b" in tab.page.title()


def test_without_scripts_everything_is_there_but_the_controls(browser: Any, report: Path) -> None:
    with visit(browser, report.as_uri(), scripts=False) as tab:
        assert not tab.page.get_by_label("Find features").is_visible()
        assert len(names(tab.page)) == 80
        tab.page.get_by_text("x_69 to", exact=False).click()
        assert tab.page.get_by_role("heading", name="x_70", exact=True).is_visible()


def test_in_the_frame_of_a_notebook_the_page_is_whole(
    browser: Any, report: Path, tmp_path: Path
) -> None:
    notebook = tmp_path / "notebook.html"
    notebook.write_text(frame(report.read_bytes(), "A report"), "utf-8")

    with visit(browser, notebook.as_uri()) as tab:
        inside = tab.page.frame_locator("iframe")
        assert inside.get_by_role("heading", name="Data statistics").is_visible()
        assert not inside.get_by_label("Find features").is_visible()


@pytest.mark.parametrize("width", WIDTHS.values())
@pytest.mark.parametrize("dark", [False, True])
def test_no_page_is_wider_than_its_window(
    browser: Any, report: Path, *, width: int, dark: bool
) -> None:
    with visit(browser, report.as_uri(), width=width, dark=dark) as tab:
        assert tab.overflow() == 0
        assert tab.complaints == []

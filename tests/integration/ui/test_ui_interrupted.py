"""The pages of a run whose process was killed, and of a list while a run goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from headrace.targets.local.history import LocalRuns
from support.cases import ui_pipelines
from support.programs.browser import visit
from support.programs.ui_server import served

CASES = Path(ui_pipelines.__file__)


@pytest.fixture
def run(tmp_path: Path) -> subprocess.Popen[bytes]:
    """A run that waits for the file `gate`."""
    command = [sys.executable, "-m", "headrace.cli.main", "run", f"{CASES}:everything"]
    command += ["--root", str(tmp_path / "root"), "-p", f"until={tmp_path / 'gate'}"]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def waits(root: Path) -> str:
    """Waits until the task of the run waits, and returns the ID of the run."""
    while True:
        for log in root.glob("*/*/logs/number.log"):
            if "begins" in log.read_text("utf-8"):
                return log.parent.parent.name
        time.sleep(0.05)


def test_the_page_of_a_killed_run_says_what_was_lost_and_how_to_go_on(
    browser: Browser, tmp_path: Path, run: subprocess.Popen[bytes]
) -> None:
    root = tmp_path / "root"
    run_id = waits(root)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    runs = LocalRuns(root)

    # Nothing of it changes any more, the time of the lost task neither.
    assert runs.describe(run_id) == runs.describe(run_id)
    with served(root) as address, visit(browser, f"{address}runs/{run_id}") as tab:
        page = tab.page
        expect(page.locator("#state .state")).to_have_text("interrupted")
        expect(page.locator(".command")).to_contain_text(f"--resume {run_id}")
        graph = page.locator("svg.graph")
        expect(graph.get_by_role("link", name="number, number: cancelled").first).to_be_visible()
        assert "waiting" not in page.get_by_role("main").inner_text()
        page.get_by_role("link", name="condition-2/number-3").click()
        expect(page.locator("#state")).to_contain_text("not run")
        expect(page.get_by_role("main")).to_contain_text("The run ended before it came to this")
        assert page.locator("[hx-get]").count() == 0
        assert tab.complaints == []


def test_a_list_changes_by_itself_and_keeps_what_is_chosen(
    browser: Browser, tmp_path: Path, run: subprocess.Popen[bytes]
) -> None:
    root = tmp_path / "root"
    run_id = waits(root)
    try:
        with served(root) as address, visit(browser, address) as tab:
            state = tab.page.locator("tbody .state")
            expect(state).to_have_text("running")
            box = tab.page.get_by_label(f"Choose {run_id}")
            box.check()
            (tmp_path / "gate").touch()
            expect(state).to_have_text("succeeded", timeout=120_000)
            expect(box).to_be_checked()
            assert tab.page.evaluate("document.activeElement.type") == "checkbox"
            assert tab.complaints == []
    finally:
        (tmp_path / "gate").touch()
        run.wait()

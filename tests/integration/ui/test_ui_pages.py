"""The pages of runs, looked at in a real browser over real runs."""

import threading
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import headrace
from integration.ui.conftest import Shown, pages_of
from support.cases.ui_pipelines import ATTACK, everything
from support.programs.browser import WIDTHS, visit
from support.programs.ui_server import served


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", list(WIDTHS.values()), ids=list(WIDTHS))
def test_no_name_value_or_log_runs_script_and_no_page_is_wider_than_the_window(
    browser: Browser, shown: Shown, width: int, dark: bool
) -> None:
    for name, path in pages_of(shown).items():
        with visit(browser, shown.address + path, width=width, dark=dark) as tab:
            expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
            assert tab.page.locator("main script, main img, main textarea").count() == 0, name
            assert tab.overflow() == 0, name
            if name != "task with a report":  # whose own scripts ask for what frames may not
                assert tab.complaints == [], name
            assert not any("dialog" in each for each in tab.complaints), name
            assert tab.foreign == [], name


def test_pages_work_without_scripts(browser: Browser, shown: Shown) -> None:
    for path in pages_of(shown).values():
        with visit(browser, shown.address + path, scripts=False) as tab:
            expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
    with visit(browser, shown.address, scripts=False) as tab:
        tab.page.get_by_label("Text").fill(shown.bad)
        tab.page.get_by_role("button", name="Filter").click()
        expect(tab.page.locator("tbody tr")).to_have_count(1)


def test_a_report_draws_with_its_own_script_but_reaches_nothing(
    browser: Browser, shown: Shown
) -> None:
    with visit(browser, f"{shown.address}/runs/{shown.good}/tasks/report") as tab:
        frame = tab.page.frame_locator("iframe")
        said = frame.locator("#out")
        expect(said).to_contain_text("network: refused")
        assert said.inner_text() == "drawn; cookies: refused; network: refused"
        alone = tab.page.get_by_role("link", name="page on a page of its own").get_attribute("href")
    assert alone is not None
    with visit(browser, shown.address + alone) as tab:  # the policy also holds outside of the frame
        expect(tab.page.locator("#out")).to_contain_text("network: refused")
        assert "cookies: refused" in tab.page.locator("#out").inner_text()


def test_the_list_is_filtered_sorted_and_leads_to_a_comparison(
    browser: Browser, shown: Shown
) -> None:
    with visit(browser, shown.address) as tab:
        page = tab.page
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text(shown.bad)  # the newest
        page.get_by_role("link", name="Started").click()
        page.get_by_role("link", name="Started").click()
        expect(rows.first).to_contain_text(shown.good)
        assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Started")
        page.get_by_label("State").select_option("failed")
        expect(rows).to_have_count(1)
        page.wait_for_url("**state=failed**")
        page.go_back()
        expect(rows).to_have_count(2)
        page.get_by_label("Parameters").fill("forbidden=2")
        page.get_by_label("Parameters").press("Enter")
        expect(rows).to_have_count(1)
        page.goto(shown.address)
        for box in page.get_by_role("checkbox").all():
            box.check()
        page.get_by_role("button", name="Compare").click()
        differing = page.locator("tr.differs th")
        expect(page.get_by_role("heading", level=1)).to_have_text("Comparison of 2 runs")
        assert differing.all_inner_texts()[0] == "forbidden ≠"
        assert tab.complaints == []


def test_a_run_shows_why_it_failed_how_to_finish_it_and_its_log(
    browser: Browser, shown: Shown
) -> None:
    with visit(browser, f"{shown.address}/runs/{shown.bad}") as tab:
        page = tab.page
        expect(page.locator("main .problem")).to_contain_text(ATTACK)
        expect(page.locator(".command").first).to_contain_text(f"--resume {shown.bad}")
        page.get_by_role("link", name="Its log").click()
        log = page.get_by_role("region", name="Log")
        expect(log).to_contain_text(f"{ATTACK} red")  # without the order for the colour
        expect(page.locator("#state")).to_contain_text("failed")
        expect(page.get_by_role("row", name="forbidden")).to_contain_text("2")


def test_a_task_says_why_it_ran_and_marks_defaults(browser: Browser, shown: Shown) -> None:
    with visit(browser, f"{shown.address}/runs/{shown.bad}/tasks/number") as tab:
        main = tab.page.get_by_role("main")
        expect(main).to_contain_text(f"This task was answered by the run {shown.good}")
        expect(tab.page.get_by_role("row", name="until")).to_contain_text("default")
        assert "default" not in tab.page.get_by_role("row", name="value").inner_text()


def test_groups_of_the_graph_are_folded_and_opened_by_the_keyboard(
    browser: Browser, shown: Shown
) -> None:
    with visit(browser, f"{shown.address}/runs/{shown.good}") as tab:
        page = tab.page
        graph = page.locator("svg.graph")
        loop = graph.get_by_role("link", name="for-loop-1")
        assert "Fold this loop" in (loop.get_attribute("aria-label") or "")
        before = graph.locator("a.box").count()
        loop.focus()
        page.keyboard.press("Enter")
        expect(graph.locator("a.box")).to_have_count(before - 2)
        loop = graph.get_by_role("link", name="for-loop-1")
        assert "Open this loop" in (loop.get_attribute("aria-label") or "")
        loop.focus()
        page.keyboard.press("Enter")
        expect(graph.locator("a.box")).to_have_count(before)
        graph.get_by_role("link", name="number-2, number").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("for-loop-1/*/number-2")
        expect(page.locator("tbody tr")).to_have_count(3)


def test_states_and_logs_change_while_a_run_goes_on(browser: Browser, tmp_path: Path) -> None:
    gate, root = tmp_path / "gate", tmp_path / "root"
    root.mkdir()
    run = threading.Thread(
        target=headrace.run,
        args=[everything],
        kwargs={"root": root, "parameters": {"until": str(gate)}},
    )
    with served(root) as address, visit(browser, address) as tab:
        page = tab.page
        expect(page.get_by_text("Nothing has run under this root yet.")).to_be_visible()
        run.start()
        try:
            while not list(root.glob("*/*/run.json")):
                run.join(0.05)
            page.reload()
            page.locator("tbody a").first.click()
            state = page.locator("#state .state")
            expect(state).to_have_text("running")
            box = page.locator("svg.graph").get_by_role("link", name="number, number:").first
            expect(page.locator("svg.graph a.busy").first).to_be_visible(timeout=60_000)
            running = page.context.new_page()
            running.goto(f"{page.url}/tasks/number")
            log = running.get_by_role("region", name="Log")
            expect(log).to_contain_text("begins", timeout=60_000)
            box.focus()
        finally:
            gate.touch()
            run.join()
        expect(log).to_contain_text("ends", timeout=60_000)
        expect(running.locator("#state")).to_contain_text("done", timeout=60_000)
        expect(state).to_have_text("succeeded", timeout=60_000)
        expect(page.locator("#announcement")).to_contain_text("Run succeeded:")
        # The element that had the focus is new, and has it again.
        assert page.evaluate("document.activeElement.id") == box.get_attribute("id")
        assert page.locator("#poll[hx-get]").count() == 0
        assert tab.complaints == []


def test_a_large_log_comes_in_pieces(browser: Browser, shown: Shown) -> None:
    log = next(shown.root.glob(f"*/{shown.good}/logs/inner.number.log"))
    before = log.read_bytes()
    log.write_text("".join(f"line {number}\n" for number in range(40_000)), "utf-8")
    try:
        with visit(browser, f"{shown.address}/runs/{shown.good}/tasks/inner/number") as tab:
            found = tab.page.get_by_role("region", name="Log")
            assert len(found.inner_text()) < 60_000
            expect(found).to_contain_text("line 39999")
            for number in (2, 3):
                tab.page.get_by_role("button", name="Show what is before").click()
                expect(found.locator("pre")).to_have_count(number)
            lines = found.inner_text().split("\n")
            numbers = [
                int(line.removeprefix("line ")) for line in lines if line.startswith("line ")
            ]
            assert numbers == list(range(numbers[0], 40_000))
            assert len(numbers) > 12_000
    finally:
        log.write_bytes(before)


def test_a_page_says_when_its_server_is_gone(browser: Browser, tmp_path: Path) -> None:
    headrace.run(everything, root=tmp_path, parameters={"items": [1]})
    with served(tmp_path) as address, visit(browser, address) as tab:
        notice = tab.page.get_by_text("This page could not be brought up to date.")
        expect(notice).to_be_hidden()
        tab.page.route("**/*", lambda route: route.abort())  # as without the server
        expect(notice).to_be_visible(timeout=60_000)
        tab.page.unroute_all(behavior="wait")
        expect(notice).to_be_hidden(timeout=60_000)


def test_a_comparison_of_two_runs_shows_the_code_that_changed(
    browser: Browser, tmp_path: Path
) -> None:
    root, file = tmp_path / "root", tmp_path / "pipeline.py"
    code = (
        "from kfp import dsl\n"
        "@dsl.container_component\n"
        "def say():\n"
        "    return dsl.ContainerSpec(image='test', command=['echo', {word!r}])\n"
        "@dsl.pipeline(name='saying')\n"
        "def saying():\n"
        "    say()\n"
    )
    runs = []
    for word in ("<b>one</b>", "two"):
        file.write_text(code.format(word=word), "utf-8")
        runs.append(headrace.run(file, root=root).run_id)

    with (
        served(root) as address,
        visit(browser, f"{address}compare?run={runs[0]}&run={runs[1]}") as tab,
    ):
        changes = tab.page.locator("ul.changes")
        expect(changes.first).to_contain_text("say")
        expect(changes.first).to_contain_text("<b>one</b>")
        assert tab.complaints == []

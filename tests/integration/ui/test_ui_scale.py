"""Many runs, and a pipeline of many tasks."""

import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl
from playwright.sync_api import Browser, expect

import headrace
from support.cases.ui_pipelines import number
from support.programs.browser import visit
from support.programs.ui_server import served

RUNS = 1_000
TASKS = 200


@dsl.pipeline(name="many-tasks")  # type: ignore[untyped-decorator]
def many_tasks(seed: int = 1) -> None:
    """A task that runs, and those after it, each below some before it."""
    tasks: list[Any] = [number(value=seed).set_display_name("the first")]
    for index in range(1, TASKS):
        task = number(value=index).set_display_name(f"step number {index}")
        for before in {index // 2, max(0, index - 7)}:
            task.after(tasks[before])
        tasks.append(task)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with 1,000 runs: one ran, the others have copies of its record."""
    found = tmp_path_factory.mktemp("many") / "root"
    run = headrace.run(many_tasks, root=found, to_nodes=["number"])
    source = found / "many-tasks" / run.run_id
    for index in range(1, RUNS):
        name = f"20250101-{index:06}-abcdef"
        copy = source.with_name(name)
        copy.mkdir()
        for file in source.iterdir():
            if file.is_file() and file.name != ".lock":
                text = file.read_text("utf-8").replace(run.run_id, name)
                text = text.replace('"seed": 1', f'"seed": {index % 7}')
                (copy / file.name).write_text(text, "utf-8")
        shutil.copytree(source / "logs", copy / "logs")
    return found


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with served(root) as found:
        yield found.rstrip("/")


def weight(address: str) -> int:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=300) as answer:
        return len(answer.read())


@pytest.mark.slow
def test_a_thousand_runs_are_counted_and_come_in_light_pages(
    browser: Browser, address: str
) -> None:
    assert weight(address) < 100_000
    with visit(browser, address) as tab:
        page = tab.page
        expect(page.get_by_text("1000 runs, page 1 of 20")).to_be_visible()
        names = set()
        for _ in range(3):
            names |= set(page.locator("tbody th a").all_inner_texts())
            page.get_by_role("link", name="Older").click()
        assert len(names) == 150
        page.goto(f"{address}/?parameters=seed%3D3")
        expect(page.get_by_text("143 runs, page 1 of 3")).to_be_visible()
        page.goto(f"{address}/?sort=parameter:seed&order=descending")
        assert {*page.locator("tbody td.value").all_inner_texts()} == {"6"}


@pytest.mark.slow
def test_a_graph_of_two_hundred_tasks_is_whole_and_light(
    browser: Browser, address: str, root: Path
) -> None:
    run = max(path.name for path in (root / "many-tasks").iterdir())
    assert weight(f"{address}/runs/{run}") < 300_000
    with visit(browser, f"{address}/runs/{run}") as tab:
        boxes = tab.page.locator("svg.graph a.box")
        expect(boxes).to_have_count(TASKS)
        expect(boxes.first).to_have_class("box good")
        labels = {box.get_attribute("aria-label") or "" for box in boxes.all()}
        assert len(labels) == TASKS
        assert tab.overflow() == 0
        # No box is drawn over another.
        overlaps = tab.page.evaluate(
            """() => {
              const all = [...document.querySelectorAll("svg.graph a.box > rect")]
                .map(rect => rect.getBoundingClientRect());
              return all.filter((a, i) => all.some((b, j) => j > i && a.left < b.right
                && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length;
            }"""
        )
        assert overlaps == 0

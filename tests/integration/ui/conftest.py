"""One Chromium for all tests of pages, and one root with runs that each may read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser

import headrace
from support.cases.ui_pipelines import ATTACK, everything
from support.programs.browser import chromium
from support.programs.ui_server import served


# Not for the whole session: Playwright's event loop counts as running until it is closed, and
# `asyncio.run` of the tests behind would refuse to start another one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A root with runs, and the pages over it.

    Attributes:
        root: The root.
        address: The first page, without a slash at the end.
        good: ID of a run that succeeded.
        bad: ID of a later run, of which a task in a loop failed.
    """

    root: Path
    address: str
    good: str
    bad: str


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    root = tmp_path_factory.mktemp("root <b>&") / "runs"
    good = headrace.run(everything, root=root)
    bad = headrace.run(everything, root=root, parameters={"forbidden": 2})
    with served(root) as address:
        yield Shown(root=root, address=address.rstrip("/"), good=good.run_id, bad=bad.run_id)


FAILED = f"for-loop-1/1/{ATTACK}"


def pages_of(shown: Shown) -> dict[str, str]:
    """Returns the addresses of all kinds of pages over runs, by what they are."""
    attack = quote(ATTACK)
    run, bad = f"/runs/{shown.good}", f"/runs/{shown.bad}"
    return {
        "list": "/",
        "filtered list": f"/?q={attack}&parameters={attack}&sort=parameter:{attack}",
        "run": run,
        "failed run": bad,
        "task": f"{run}/tasks/inner/number",
        "failed task": f"{bad}/tasks/{quote(FAILED)}",
        "rounds": f"{bad}/tasks/for-loop-1/*/number-2",
        "task with a report": f"{run}/tasks/report",
        "task that did not run": f"{run}/tasks/condition-2/condition-3/number-4",
        "comparison": f"/compare?run={shown.good}&run={shown.bad}",
    }

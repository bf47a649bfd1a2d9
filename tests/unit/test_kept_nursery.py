"""A nursery is kept from one cell of a notebook to the next, as long as tasks do not notice."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from headrace.targets.local.runners import kept_nursery
from headrace.targets.local.runners.nursery_client import Nursery, ProcessRequest
from headrace.targets.local.shared.lasting_loop import run_in_thread


async def ran(nursery: Nursery, directory: Path) -> str:
    """Runs a task that prints the nursery's process: its grandparent."""
    code = (
        "import os, pathlib\n"
        "status = pathlib.Path(f'/proc/{os.getppid()}/status').read_text()\n"
        "print(status.partition('PPid:')[2].split()[0], os.environ.get('WHO'))"
    )
    log = directory / "task.log"
    log.unlink(missing_ok=True)
    request = ProcessRequest(
        component=None,
        command=[sys.executable, "-c", code],
        environment={},
        directory=directory,
        log=log,
    )
    assert await nursery.run(request) == 0
    return log.read_text("utf-8").strip()


async def one_run(directory: Path) -> str:
    nursery = kept_nursery.take(directory / "nursery.log")
    said = await ran(nursery, directory)
    assert kept_nursery.give_back(nursery)
    return said


def test_the_next_run_has_the_same_process_and_a_new_environment_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (run_in_thread(lambda: one_run(tmp_path)) for _ in range(2))
    monkeypatch.setenv("WHO", "me")
    third = run_in_thread(lambda: one_run(tmp_path))

    assert first == second
    assert first.endswith(" None")
    assert third.endswith(" me")
    assert third.split()[0] != first.split()[0]


def test_a_nursery_with_a_task_is_not_kept(tmp_path: Path) -> None:
    async def main() -> bool:
        nursery = kept_nursery.take(tmp_path / "nursery.log")
        assert not kept_nursery.give_back(nursery)  # it has no process yet
        request = ProcessRequest(
            component=None,
            command=["sleep", "60"],
            environment={},
            directory=tmp_path,
            log=tmp_path / "task.log",
        )
        task = asyncio.create_task(nursery.run(request))
        while not (tmp_path / "task.log").exists():
            await asyncio.sleep(0.02)
        is_kept = kept_nursery.give_back(nursery)
        task.cancel()
        await nursery.close()
        return is_kept

    assert run_in_thread(main) is False


def test_an_error_of_a_run_reaches_its_caller() -> None:
    async def main() -> None:
        raise LookupError(os.getpid())

    with pytest.raises(LookupError, match=str(os.getpid())):
        run_in_thread(main)

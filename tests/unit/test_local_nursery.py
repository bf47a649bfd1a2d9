"""The process that tasks are forked from."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from headrace.backends.local.runners.client import Nursery, Request
from headrace_components.errors import PlatformError


def request(tmp_path: Path, code: str, log: str = "task.log", **environment: str) -> Request:
    return Request(
        component=None,
        command=[sys.executable, "-c", code],
        environment=environment,
        directory=tmp_path,
        log=tmp_path / log,
    )


def run_all(tmp_path: Path, *requests: Request) -> list[int]:
    async def main() -> list[int]:
        nursery = Nursery(tmp_path / "nursery.log")
        try:
            return await asyncio.gather(*(nursery.run(request) for request in requests))
        finally:
            await nursery.close()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("pass", 0),
        ("raise SystemExit(3)", 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        # A signal that Python ignores must have its usual effect in a program.
        ("import os, signal; signal.signal(13, signal.SIG_DFL); os.kill(os.getpid(), 13)", -13),
    ],
)
def test_the_exit_status_is_the_tasks_own(code: str, status: int, tmp_path: Path) -> None:
    assert run_all(tmp_path, request(tmp_path, code)) == [status]


def test_output_goes_to_the_tasks_log_in_order_and_is_appended(tmp_path: Path) -> None:
    code = "import os, sys; print(os.environ['WHO']); print('oh', file=sys.stderr)"

    for who in ("one", "two"):
        run_all(tmp_path, request(tmp_path, code, WHO=who, PYTHONUNBUFFERED="1"))

    assert (tmp_path / "task.log").read_text("utf-8") == "one\noh\ntwo\noh\n"


def test_tasks_run_side_by_side(tmp_path: Path) -> None:
    # Each waits until the other has started.
    code = (
        "import pathlib, sys, time\n"
        "mine, other = sys.argv[1:]\n"
        "pathlib.Path(mine).touch()\n"
        "while not pathlib.Path(other).exists(): time.sleep(0.01)\n"
    )
    pairs = [("a", "b"), ("b", "a")]
    requests = [
        Request(
            component=None,
            command=[sys.executable, "-c", code, *pair],
            environment={},
            directory=tmp_path,
            log=tmp_path / f"{pair[0]}.log",
        )
        for pair in pairs
    ]

    assert run_all(tmp_path, *requests) == [0, 0]


def test_a_program_that_is_not_there_fails_in_its_log(tmp_path: Path) -> None:
    missing = Request(
        component=None,
        command=["no-such-program"],
        environment={},
        directory=tmp_path,
        log=tmp_path / "task.log",
    )

    assert run_all(tmp_path, missing) == [1]
    assert "FileNotFoundError" in (tmp_path / "task.log").read_text("utf-8")


def test_a_component_that_cannot_be_imported_fails_in_its_own_log(tmp_path: Path) -> None:
    async def main() -> int:
        nursery = Nursery(tmp_path / "nursery.log")
        wanted = Request(
            component="no_such_component",
            command=["--executor_input", "{}"],
            environment={},
            directory=tmp_path,
            log=tmp_path / "task.log",
        )
        try:
            return await nursery.run(wanted, ["no_such_component"])
        finally:
            await nursery.close()

    assert asyncio.run(main()) == 1
    assert "No module named 'headrace_components.no_such_component'" in (
        tmp_path / "task.log"
    ).read_text("utf-8")


def test_closing_ends_the_tasks_and_what_they_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids.txt"
    code = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(60)\n"
    )

    async def main() -> None:
        nursery = Nursery(tmp_path / "nursery.log")
        task = asyncio.create_task(nursery.run(request(tmp_path, code)))
        while not (pids.exists() and len(pids.read_text("utf-8").split()) == 2):
            await asyncio.sleep(0.01)
        task.cancel()
        await nursery.close()

    asyncio.run(main())

    deadline = time.monotonic() + 10
    left = [int(pid) for pid in pids.read_text("utf-8").split()]
    while left and time.monotonic() < deadline:
        left = [pid for pid in left if is_running(pid)]
    assert not left


def is_running(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_nursery_that_is_gone_is_a_platform_failure(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"

    with pytest.raises(PlatformError, match=r"process that starts the tasks ended.*nursery\.log"):
        run_all(tmp_path, request(tmp_path, code))


def test_a_backend_that_has_threads_can_start_tasks(tmp_path: Path) -> None:
    # The backend's own process may have threads: it starts the nursery without a fork of itself.
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert run_all(tmp_path, request(tmp_path, "pass")) == [0]
    finally:
        stop.set()
        thread.join()


@pytest.mark.slow
def test_importing_every_executor_starts_no_python_thread() -> None:
    code = (
        "import importlib, threading\n"
        "from headrace_components import catalog\n"
        "for name in catalog.__all__:\n"
        "    importlib.import_module(f'headrace_components.{name}.executor')\n"
        "print([thread.name for thread in threading.enumerate()])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        text=True,
        check=True,
    )

    assert result.stdout.splitlines()[-1] == "['MainThread']"

"""The process that tasks are forked from."""

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.targets.local.runners import guard
from headrace.targets.local.runners.nursery_client import Nursery, ProcessRequest
from headrace_components.contract.errors import PlatformError


def request(tmp_path: Path, code: str, log: str = "task.log", **environment: str) -> ProcessRequest:
    return ProcessRequest(
        component=None,
        command=[sys.executable, "-c", code],
        environment=environment,
        directory=tmp_path,
        log=tmp_path / log,
    )


def run_all(tmp_path: Path, *requests: ProcessRequest) -> list[int]:
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
        ProcessRequest(
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
    missing = ProcessRequest(
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
        wanted = ProcessRequest(
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
    # The backend's own process may have threads, so it starts the nursery without a fork.
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


# Starts processes that a task may leave behind: a child, a process in a new session, and a daemon
# whose parent has ended. Each writes its process ID to the file in the argument.
FAMILY = """
import os, subprocess, sys, time
notes = sys.argv[1]
sleep = f"echo $$ >> {notes}; exec sleep 300"
subprocess.Popen(["sh", "-c", sleep])
subprocess.Popen(["sh", "-c", sleep], start_new_session=True)
subprocess.Popen(["sh", "-c", f"(setsid sh -c '{sleep}' &) ; exit 0"]).wait()
# It ignores what asks it to end.
subprocess.Popen(["sh", "-c", f"trap '' TERM; echo $$ >> {notes}; exec sleep 300"])
while len(open(notes).read().split()) < 4:
    time.sleep(0.01)
"""

ENDINGS = {
    "ends": ("", 0),
    "raises": ("raise ValueError", 1),
    "exits at once": ("os._exit(3)", 3),
    "is killed": ("os.kill(os.getpid(), 9)", -9),
}


def family(tmp_path: Path, ending: str) -> tuple[ProcessRequest, Path]:
    notes = tmp_path / "notes"
    notes.touch()
    command = [sys.executable, "-c", FAMILY + ending, str(notes)]
    return (
        ProcessRequest(
            component=None,
            command=command,
            environment={},
            directory=tmp_path,
            log=tmp_path / "task.log",
        ),
        notes,
    )


def noted(notes: Path) -> list[int]:
    return [int(line) for line in notes.read_text("utf-8").split()]


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not come")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("how", ENDINGS)
def test_what_a_task_started_has_ended_when_the_task_has(how: str, tmp_path: Path) -> None:
    ending, status = ENDINGS[how]
    wanted, notes = family(tmp_path, ending)

    async def main() -> list[int]:
        nursery = Nursery(tmp_path / "nursery.log")
        try:
            assert await nursery.run(wanted) == status
            return [pid for pid in noted(notes) if is_running(pid)]
        finally:
            await nursery.close()

    assert asyncio.run(main()) == []
    assert len(noted(notes)) == 4


def test_what_a_client_of_a_container_engine_started_is_left_alone(tmp_path: Path) -> None:
    wanted, notes = family(tmp_path, "")

    async def main() -> list[int]:
        nursery = Nursery(tmp_path / "nursery.log")
        assert await nursery.run(dataclasses.replace(wanted, confine=False)) == 0
        await nursery.close()
        return [pid for pid in noted(notes) if is_running(pid)]

    left = asyncio.run(main())
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert len(left) == 4


def test_a_client_of_a_container_engine_is_ended_at_once(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    # Runners that get SIGTERM would pass it on to a container, which may ignore it.
    code = (
        "import os, pathlib, signal, time\n"
        f"notes = pathlib.Path({str(notes)!r})\n"
        "signal.signal(signal.SIGTERM, lambda *_: notes.write_text('told'))\n"
        "notes.write_text(str(os.getpid()))\n"
        "while True: time.sleep(60)\n"
    )
    wanted = dataclasses.replace(request(tmp_path, code), confine=False)

    async def main() -> None:
        nursery = Nursery(tmp_path / "nursery.log")
        running = asyncio.create_task(nursery.run(wanted))
        await until(lambda: len(noted(notes)) == 1)
        running.cancel()
        await nursery.close()

    asyncio.run(main())
    assert not is_running(noted(notes)[0])


def test_what_two_tasks_started_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "short").mkdir()
    (tmp_path / "long").mkdir()
    short, _ = family(tmp_path / "short", "")
    long, notes = family(tmp_path / "long", "time.sleep(300)")

    async def main() -> None:
        nursery = Nursery(tmp_path / "nursery.log")
        goes_on = asyncio.create_task(nursery.run(long))
        await until(lambda: len(noted(notes)) == 4)

        assert await nursery.run(short) == 0

        assert all(is_running(pid) for pid in noted(notes))
        goes_on.cancel()
        await nursery.close()
        assert not any(is_running(pid) for pid in noted(notes))

    asyncio.run(main())


def test_a_shell_is_ended_with_the_program_that_it_waits_for(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    # Like kfp starts a component: the program is a child of the shell, which continues after it.
    code = f"import os, time; open({str(notes)!r}, 'w').write(str(os.getpid())); time.sleep(300)"
    shell = ProcessRequest(
        component=None,
        command=["sh", "-c", '"$0" "$@"; echo done', sys.executable, "-c", code],
        environment={},
        directory=tmp_path,
        log=tmp_path / "task.log",
    )

    async def main() -> None:
        nursery = Nursery(tmp_path / "nursery.log")
        running = asyncio.create_task(nursery.run(shell))
        await until(lambda: len(noted(notes)) == 1)
        parent = Path(f"/proc/{noted(notes)[0]}/stat").read_text("utf-8").rpartition(")")[2]
        os.kill(int(parent.split()[1]), signal.SIGKILL)

        assert await running == -signal.SIGKILL

        assert not is_running(noted(notes)[0])
        await nursery.close()

    asyncio.run(main())


def test_an_interrupted_task_gets_its_time_to_end_what_it_has_elsewhere(tmp_path: Path) -> None:
    started, ended = tmp_path / "started", tmp_path / "ended"
    # It needs its child until the end, like a job server that a task has started.
    code = (
        "import pathlib, signal, subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '300'])\n"
        "def stop(*_):\n"
        "    time.sleep(2)\n"
        f"    pathlib.Path({str(ended)!r}).write_text(str(child.poll()))\n"
        "    sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        f"pathlib.Path({str(started)!r}).write_text(str(child.pid))\n"
        "time.sleep(300)\n"
    )

    async def main() -> None:
        nursery = Nursery(tmp_path / "nursery.log")
        running = asyncio.create_task(nursery.run(request(tmp_path, code)))
        await until(lambda: started.exists() and started.read_text("utf-8") != "")
        running.cancel()
        await nursery.close()

    asyncio.run(main())

    assert ended.read_text("utf-8") == "None"
    assert not is_running(int(started.read_text("utf-8")))


OTHERS: set[int] = set()
"""Processes that earlier tests started in this process, such as trackers of shared memory."""


@pytest.fixture
def alone() -> None:
    OTHERS.clear()
    OTHERS.update(guard.descendants(os.getpid()))


def children(pid: int | None = None) -> list[int]:
    wanted = os.getpid() if pid is None else pid
    return [c for c, parent in guard.processes() if parent == wanted and c not in OTHERS]


def descendants() -> list[int]:
    return [pid for pid in guard.descendants(os.getpid()) if pid not in OTHERS]


@pytest.mark.usefixtures("alone")
def test_a_task_that_had_not_begun_is_started_by_another_nursery(tmp_path: Path) -> None:
    async def main() -> int:
        nursery = Nursery(tmp_path / "nursery.log")
        assert await nursery.run(request(tmp_path, "pass")) == 0
        (first,) = children()
        os.kill(first, signal.SIGSTOP)  # it does not read
        running = asyncio.create_task(nursery.run(request(tmp_path, "raise SystemExit(7)")))
        await asyncio.sleep(0.1)
        os.kill(first, signal.SIGKILL)
        try:
            return await running
        finally:
            await nursery.close()

    assert asyncio.run(asyncio.wait_for(main(), 60)) == 7


@pytest.mark.usefixtures("alone")
def test_a_nursery_that_is_killed_before_it_reads_anything_is_started_again(
    tmp_path: Path,
) -> None:
    async def main() -> int:
        nursery = Nursery(tmp_path / "nursery.log")
        running = asyncio.create_task(nursery.run(request(tmp_path, "raise SystemExit(7)")))
        await until(lambda: descendants() != [])
        (child,) = descendants()
        os.kill(child, signal.SIGSTOP)
        os.kill(child, signal.SIGKILL)
        try:
            return await running
        finally:
            await nursery.close()

    assert asyncio.run(asyncio.wait_for(main(), 60)) == 7


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("pause_seconds", [0.0, 0.01, 0.05, 0.1, 0.2, 0.4])
def test_a_nursery_that_is_killed_at_any_moment_hangs_nothing(
    pause_seconds: float, tmp_path: Path
) -> None:
    # A message that does not fit into the socket's buffer: it is killed in the middle of it.
    code = f"{'#' * (1 << 20)}\nimport time; time.sleep(0.3)"
    script = tmp_path / "script.py"
    script.write_text(code, "utf-8")

    async def main() -> list[int | BaseException]:
        nursery = Nursery(tmp_path / "nursery.log")
        wanted = [
            ProcessRequest(
                component=None,
                command=[sys.executable, str(script)],
                environment={"WHATEVER": "x" * 100_000},
                directory=tmp_path,
                log=tmp_path / f"{number}.log",
            )
            for number in range(4)
        ]
        running = [asyncio.create_task(nursery.run(each)) for each in wanted]
        await until(lambda: descendants() != [])
        await asyncio.sleep(pause_seconds)
        (first,) = children()
        os.kill(first, signal.SIGKILL)
        try:
            return await asyncio.gather(*running, return_exceptions=True)
        finally:
            await nursery.close()

    outcomes = asyncio.run(asyncio.wait_for(main(), 60))

    assert all(each == 0 or isinstance(each, PlatformError) for each in outcomes), outcomes
    assert descendants() == []


@pytest.mark.usefixtures("alone")
def test_a_task_is_lost_when_its_guard_is_killed_and_others_go_on(tmp_path: Path) -> None:
    wanted, notes = family(tmp_path, "time.sleep(300)")

    async def main() -> None:
        nursery = Nursery(tmp_path / "nursery.log")
        running = asyncio.create_task(nursery.run(wanted))
        await until(lambda: len(noted(notes)) == 4)
        (nursery_pid,) = children()
        (watching,) = children(nursery_pid)
        os.kill(watching, signal.SIGKILL)
        # The nursery still runs; it answers the first and accepts the second.
        lost = asyncio.create_task(asyncio.wait_for(running, 60))
        with pytest.raises(PlatformError, match="process that starts the tasks ended"):
            await lost
        assert not any(is_running(pid) for pid in noted(notes))
        assert await nursery.run(request(tmp_path, "raise SystemExit(7)")) == 7
        assert children() == [nursery_pid]
        await nursery.close()

    asyncio.run(main())


def test_the_tasks_of_a_backend_that_is_killed_end_with_what_they_started(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    code = (
        "import asyncio, pathlib, sys\n"
        "from headrace.targets.local.runners.nursery_client import Nursery, ProcessRequest\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "task = ProcessRequest(component=None,\n"
        "    command=[sys.executable, '-c', sys.argv[1], sys.argv[2]],\n"
        "    environment={}, directory=folder, log=folder / 'task.log')\n"
        "asyncio.run(Nursery(folder / 'nursery.log').run(task))\n"
    )
    backend = subprocess.Popen([sys.executable, "-c", code, FAMILY + "time.sleep(300)", str(notes)])
    asyncio.run(until(lambda: len(noted(notes)) == 4))

    backend.kill()
    backend.wait()

    asyncio.run(until(lambda: not any(is_running(pid) for pid in noted(notes))))

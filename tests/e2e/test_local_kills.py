# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""A run survives kills of the whole run or of parts, interrupts, and other runs beside it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.targets.local import engine
from headrace.targets.local.shared.results import RunResult
from headrace_components.contract.errors import InputError
from support.cases.local_pipelines import compiled, note_pid, read, run_pipeline, slow, step


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "journal.txt"
    path.touch()
    monkeypatch.setenv("JOURNAL", str(path))
    return path


@dsl.pipeline(name="chain")
def chain(seconds: float = 0.3):
    first = slow(name="first", seconds=seconds)
    second = slow(name="second", seconds=seconds).after(first)
    slow(name="beside", seconds=seconds).after(first)
    third = slow(name="third", seconds=seconds).after(second)
    read(name="last", item=third.outputs["out"])


def start(spec: dict[str, Any], root: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Starts `headrace run` in its own process group."""
    file = root.parent / "pipeline.json"
    file.write_text(json.dumps(spec), "utf-8")
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "headrace.cli.main", "run", str(file)),
            *("--root", str(root), *arguments),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.005)


def only_run(root: Path) -> Path:
    (run,) = root.glob("*/*/run.json")
    return run.parent


def resumed(root: Path) -> RunResult:
    return engine.resume(only_run(root).name, root=root)


@pytest.mark.parametrize(
    ("line", "pause_seconds"),
    [
        ("first starts", 0.0),
        ("first ends", 0.0),
        ("first ends", 0.02),
        ("first ends", 0.05),
        ("second starts", 0.1),
        ("third starts", 0.0),
        ("third ends", 0.03),
    ],
)
def test_a_run_that_was_killed_is_finished_without_redoing_what_was_done(
    line: str, pause_seconds: float, journal: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    process = start(compiled(chain), root)
    wait_for(lambda: line in journal.read_text("utf-8").splitlines())
    time.sleep(pause_seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    done = {path.parent.parent.name for path in only_run(root).glob("*/.headrace/result.json")}
    before = journal.read_text("utf-8").splitlines()

    result = resumed(root)

    after = journal.read_text("utf-8").splitlines()[len(before) :]
    assert result.state == "succeeded", result.failures
    assert after[-1] == "last whole"
    names = {"slow": "first", "slow-2": "second", "slow-3": "beside", "slow-4": "third"}
    for task, name in names.items():
        assert after.count(f"{name} starts") == (0 if task in done else 1)
        file = result.directory / task / "out/value.txt"
        assert file.read_text("utf-8") == "whole"
    assert not list(result.directory.rglob("*.partial"))


def test_the_tasks_of_a_killed_run_do_not_live_on(journal: Path, tmp_path: Path) -> None:
    @dsl.pipeline(name="long")
    def long():
        note_pid(seconds=60.0)

    process = start(compiled(long), tmp_path / "root")
    wait_for(lambda: len(journal.read_text("utf-8").splitlines()) == 2)
    pids = [int(line) for line in journal.read_text("utf-8").splitlines()]

    process.kill()
    process.communicate()

    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def is_alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text("utf-8")
    return False


def test_a_task_that_is_killed_fails_and_the_run_can_be_resumed(
    journal: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"

    @dsl.pipeline(name="long")
    def long():
        first = step(name="first")
        note_pid(seconds=60.0).after(first)

    process = start(compiled(long), root)
    wait_for(lambda: len(journal.read_text("utf-8").splitlines()) == 3)
    os.kill(int(journal.read_text("utf-8").splitlines()[1]), signal.SIGKILL)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "note-pid: killed by signal 9, perhaps for want of memory." in output
    assert f"--root {root} --resume {only_run(root).name}" in output
    journal.write_text("short\n", "utf-8")
    assert resumed(root).state == "succeeded"
    assert "first " not in journal.read_text("utf-8").splitlines()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_its_tasks_and_says_how_to_go_on(
    number: signal.Signals, journal: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    process = start(compiled(chain), root, "-p", "seconds=30")
    wait_for(lambda: "first starts" in journal.read_text("utf-8"))

    process.send_signal(number)
    output, _ = process.communicate(timeout=30)

    assert process.returncode == 130
    assert f"headrace run --root {root} --resume {only_run(root).name}" in output
    assert "Traceback" not in output
    assert json.loads((only_run(root) / "state.json").read_text("utf-8"))["state"] == "interrupted"
    assert not list(only_run(root).rglob("*.partial"))


def test_a_second_process_may_not_work_on_the_same_run(journal: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    process = start(compiled(chain), root, "-p", "seconds=30")
    wait_for(lambda: "first starts" in journal.read_text("utf-8"))

    with pytest.raises(InputError, match="is still being worked on by another process"):
        resumed(root)

    process.terminate()
    process.communicate(timeout=30)


def test_two_runs_on_one_root_do_not_disturb_each_other(journal: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    processes = [start(compiled(chain), root, "-p", "seconds=0.2") for _ in range(2)]

    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output

    assert len(list(root.glob("chain/*/run.json"))) == 2
    assert run_pipeline(chain, root, seconds=0.2).journal == []


def test_a_task_that_was_killed_before_its_record_is_recorded_and_not_redone(
    journal: Path, tmp_path: Path
) -> None:
    result = run_pipeline(chain, tmp_path, seconds=0.0).result
    file = result.directory / "slow/.headrace/result.json"
    done = json.loads(file.read_text("utf-8"))
    # The file's content after the rename and before the task is in lineage and cache.
    artifacts = {"out": [{**done["artifacts"]["out"][0], "id": None}]}
    file.write_text(
        json.dumps({**done, "artifacts": artifacts, "is_recorded": False, "cache_key": "k"}),
        "utf-8",
    )
    journal.write_text("", "utf-8")

    again = engine.resume(result.run_id, root=tmp_path)

    assert journal.read_text("utf-8") == ""
    assert again.failures == ()
    assert again.tasks[0].artifacts == result.tasks[0].artifacts
    assert json.loads(file.read_text("utf-8"))["artifacts"] == done["artifacts"]
    assert (tmp_path / ".cache/k.json").is_file()


def test_an_unknown_run_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    result = run_pipeline(chain, tmp_path, seconds=0.0).result

    with pytest.raises(InputError, match=f"no run 'x' is under .*nearest is '{result.run_id}'"):
        engine.resume("x", root=tmp_path)


def test_a_run_is_refused_before_anything_runs_when_a_parameter_is_unknown(tmp_path: Path) -> None:
    process = start(compiled(chain), tmp_path / "root", "-p", "second=1")
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "has no parameter 'second'. Did you mean 'seconds'?" in output
    assert "Traceback" not in output
    assert not (tmp_path / "root").exists()


def test_a_nursery_that_dies_fails_its_tasks_and_names_its_log(
    journal: Path, tmp_path: Path
) -> None:
    @dsl.pipeline(name="long")
    def long():
        note_pid(seconds=60.0)

    root = tmp_path / "root"
    process = start(compiled(long), root)
    wait_for(lambda: len(journal.read_text("utf-8").splitlines()) == 2)
    task = int(journal.read_text("utf-8").splitlines()[0])
    nursery = int(Path(f"/proc/{task}/stat").read_text("utf-8").rpartition(")")[2].split()[1])

    os.kill(nursery, signal.SIGKILL)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "the process that starts the tasks ended" in output
    assert "_process.log" in output
    wait_for(lambda: not is_alive(task))

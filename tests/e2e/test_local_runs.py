# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""`headrace runs` and `headrace logs` over a root on this machine, with real runs."""

import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.cli.main import main
from headrace.targets.local.shared.results import RunResult
from support.cases.local_pipelines import compiled, fails, note_pid, read, run_pipeline, slow, step


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "journal.txt"
    path.touch()
    monkeypatch.setenv("JOURNAL", str(path))
    return path


@dsl.pipeline(name="pair")
def pair(text: str = "x", rate: float = 0.5):
    first = step(name="first", value=text)
    read(name="second", item=first.outputs["out"])


@dsl.pipeline(name="broken")
def broken(text: str = "x"):
    first = fails(name="first")
    read(name="second", item=step(name="other", value=text).after(first).outputs["out"])


@dsl.pipeline(name="long")
def long(seconds: float = 60.0):
    note_pid(seconds=seconds).after(step(name="first"))


@dsl.pipeline(name="talking")
def talking(seconds: float = 1.0):
    slow(name="first", seconds=seconds)


class Commands:
    """`headrace` over one root, in this process."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        """Returns what is printed, errors if there is an exit code."""
        self._capsys.readouterr()
        assert main([*words, "--root", str(self.root)]) == code
        printed = self._capsys.readouterr()
        return printed.err if code else printed.out

    def listed(self, *words: str) -> list[str]:
        """Returns the IDs that `runs list` shows."""
        return [run["id"] for run in json.loads(self("runs", "list", "--json", *words))]

    def shown(self, run: str) -> Any:
        return json.loads(self("runs", "show", run, "--json"))


@pytest.fixture
def headrace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(tmp_path / "my root", capsys)


def ran(pipeline: Any, headrace: Commands, **parameters: Any) -> RunResult:
    return run_pipeline(pipeline, headrace.root, **parameters).result


def started(pipeline: Any, root: Path) -> "subprocess.Popen[str]":
    """Starts `headrace run` in a process of its own."""
    file = root.parent / "pipeline.json"
    file.write_text(json.dumps(compiled(pipeline)), "utf-8")
    words = ["-m", "headrace.cli.main", "run", str(file), "--root", str(root)]
    return subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text("utf-8")
    except FileNotFoundError:
        return False


def test_runs_of_all_pipelines_are_listed_the_newest_first_and_filtered(
    headrace: Commands,
) -> None:
    one = ran(pair, headrace)
    two = ran(broken, headrace)
    three = ran(pair, headrace, text="y", rate=2.0)

    assert headrace.listed() == [three.run_id, two.run_id, one.run_id]
    assert headrace.listed("--limit", "2") == [three.run_id, two.run_id]
    assert headrace.listed("--pipeline", "pair") == [three.run_id, one.run_id]
    assert headrace.listed("--state", "failed") == [two.run_id]
    assert headrace.listed("-p", "text=x") == [two.run_id, one.run_id]
    assert headrace.listed("-p", "rate=2", "-p", "text=y") == [three.run_id]
    assert headrace.listed("-p", "rate=two") == []
    heading, first, *_ = headrace("runs", "list", "--pipeline", "pair").splitlines()
    assert heading.split() == ["CREATED", "(UTC)", "STATE", "NAME", "RUN", "TIME", "PARAMETERS"]
    assert first.split()[2:5] == ["succeeded", "pair", three.run_id]
    assert first.split()[6:] == ["rate=2.0", "text=y"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--state", "done"], "--state is 'done', expected one of ['waiting', 'running'"),
        (["-p", "text"], "-p got 'text', expected name=value"),
        (["--target", "vertex"], "--root is .* but --target is 'vertex'"),
    ],
)
def test_a_list_of_what_cannot_be_is_refused(
    words: list[str], message: str, headrace: Commands
) -> None:
    ran(pair, headrace)

    error = headrace("runs", "list", *words, code=2)

    assert all(part in error for part in message.split(".*"))


def test_a_root_without_runs_has_an_empty_list_and_no_root_is_an_error(
    headrace: Commands,
) -> None:
    assert "is not a directory, expected the root of earlier runs" in headrace(
        "runs", "list", code=2
    )
    headrace.root.mkdir()
    (headrace.root / "notes.txt").touch()
    (headrace.root / "empty/20260101-000000-aaaaaa").mkdir(parents=True)

    assert headrace.listed() == []
    assert headrace("runs", "list") == "No runs yet.\n"
    assert headrace("runs", "list", "--pipeline", "pair") == "No such runs.\n"
    assert "there is no run" in headrace("runs", "show", "latest", code=2)


def test_a_run_is_named_by_a_part_of_its_id_or_by_a_word(headrace: Commands) -> None:
    one = ran(pair, headrace)
    two = ran(broken, headrace)
    three = ran(pair, headrace, text="y")

    for name, run in (
        (one.run_id, one),
        (one.run_id[:-1], one),
        ("latest", three),
        ("latest-failed", two),
        ("latest-succeeded", three),
        ("broken/latest", two),
    ):
        assert headrace.shown(name)["id"] == run.run_id

    several = headrace("runs", "show", one.run_id[:4], code=2)
    assert f"is the beginning of 3 runs: {three.run_id}, {two.run_id}, {one.run_id}." in several
    assert "no failed run of the pipeline 'pair'" in headrace(
        "runs", "show", "pair/latest-failed", code=2
    )
    missing = headrace("runs", "cancel", "x", code=2)
    assert "no run 'x' is under" in missing
    assert "The nearest is" in missing
    for odd in ("", ".", "..", "pair", f"pair/{one.run_id}", "*"):
        assert "no run" in headrace("logs", odd, code=2)


def test_other_commands_know_a_run_by_the_same_names(headrace: Commands, journal: Path) -> None:
    ran(pair, headrace)
    failed = ran(broken, headrace)
    journal.write_text("", "utf-8")

    assert f"Logs: {failed.logs}" in headrace_output(headrace, "run", "--resume", "latest-failed")
    assert journal.read_text("utf-8").split()[0] == "first"


def headrace_output(headrace: Commands, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "headrace.cli.main", *words, "--root", str(headrace.root)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_a_run_is_shown_with_what_its_tasks_took_and_gave(headrace: Commands) -> None:
    result = ran(pair, headrace, text="y")
    again = ran(pair, headrace, text="y")

    run = headrace.shown(result.run_id)

    assert (run["state"], run["pipeline"], run["link"]) == (
        "succeeded",
        "pair",
        str(result.directory),
    )
    assert run["parameters"] == {"text": "y", "rate": 0.5}
    first, second = run["tasks"]
    assert (first["name"], first["component"], first["state"]) == ("step", "step", "done")
    assert first["parameters"] == {"name": "first", "value": "y"}
    assert first["values"] == {"text": "y"}
    assert datetime.fromisoformat(first["started"]) <= datetime.now(UTC)
    (made,) = first["outputs"]["out"]
    assert (made["type"], made["uri"]) == ("system.Artifact", str(result.directory / "step/out"))
    assert second["inputs"]["item"] == [made]
    assert second["log"] == str(result.logs / "read.log")
    cached, _ = headrace.shown(again.run_id)["tasks"]
    assert (cached["state"], cached["outputs"]["out"]) == ("cached", [made])


def test_a_failed_run_shows_why_and_what_was_skipped_for_it(headrace: Commands) -> None:
    ran(broken, headrace)

    shown = headrace("runs", "show", "latest")
    tasks = {task["name"]: task for task in headrace.shown("latest")["tasks"]}

    assert "out of tea" in shown
    assert "Their logs: headrace runs logs --root" in shown
    assert {name: task["state"] for name, task in tasks.items()} == {
        "fails": "failed",
        "step": "skipped",
        "read": "skipped",
    }
    assert tasks["step"]["reason"] == "fails failed"
    assert headrace("logs", "latest", "fails") == "out of tea\n"
    assert headrace("runs", "logs", "latest") == "==> fails, failed <==\nout of tea\n"
    assert "'step' is skipped, so it has printed nothing" in headrace(
        "logs", "latest", "step", code=2
    )
    assert "no task 'stepp', only" in headrace("logs", "latest", "stepp", code=2)


def test_a_run_is_cancelled_from_another_process(headrace: Commands, journal: Path) -> None:
    process = started(long, headrace.root)
    wait_for(lambda: len(journal.read_text("utf-8").splitlines()) == 3)
    pids = [int(line) for line in journal.read_text("utf-8").splitlines()[1:]]
    assert headrace.shown("latest")["state"] == "running"
    assert "is under way" in headrace("runs", "delete", "latest", code=2)

    headrace("runs", "cancel", "latest")
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "To finish this run" in output
    assert not any(is_alive(pid) for pid in pids)
    run = headrace.shown("latest")
    assert run["state"] == "interrupted"
    assert [task["state"] for task in run["tasks"]] == ["done", "cancelled"]
    assert "is over (interrupted)" in headrace("runs", "cancel", "latest", code=2)


def test_a_run_that_was_cancelled_is_resumed_to_its_end(headrace: Commands, journal: Path) -> None:
    process = started(talking, headrace.root)
    wait_for(lambda: journal.read_text("utf-8") != "")
    headrace("runs", "cancel", "latest")
    process.communicate(timeout=60)
    assert headrace.shown("latest")["state"] == "interrupted"

    headrace_output(headrace, "run", "--resume", "latest")

    run = headrace.shown("latest")
    assert (run["state"], run["tasks"][0]["state"]) == ("succeeded", "done")


def test_a_run_in_a_thread_of_another_program_is_cancelled_without_ending_the_program(
    headrace: Commands, journal: Path, tmp_path: Path
) -> None:
    file = tmp_path / "pipeline.json"
    file.write_text(json.dumps(compiled(long)), "utf-8")
    code = (
        "import asyncio, headrace\n"
        f"async def main(): return headrace.run({str(file)!r}, root={str(headrace.root)!r})\n"
        "print(asyncio.run(main()).state)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: len(journal.read_text("utf-8").splitlines()) == 3)

        headrace("runs", "cancel", "latest")

        assert process.communicate(timeout=60)[0].splitlines()[-1] == "interrupted"


def test_a_run_whose_process_was_killed_is_interrupted_and_can_be_resumed(
    headrace: Commands, journal: Path
) -> None:
    process = started(long, headrace.root)
    wait_for(lambda: len(journal.read_text("utf-8").splitlines()) == 3)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()

    run = headrace.shown("latest")

    assert run["state"] == "interrupted"
    assert [task["state"] for task in run["tasks"]] == ["done", "cancelled"]
    assert run["tasks"][1]["message"] == "The process that ran the pipeline was killed."
    assert headrace.listed("--state", "running") == []
    assert headrace.listed("--state", "interrupted") == [run["id"]]


def test_a_log_is_followed_until_the_task_ends(headrace: Commands, journal: Path) -> None:
    process = started(long, headrace.root)
    wait_for(lambda: len(journal.read_text("utf-8").splitlines()) == 3)
    follower = subprocess.Popen(
        [
            *(sys.executable, "-m", "headrace.cli.main", "logs", "latest", "note-pid", "-f"),
            *("--root", str(headrace.root)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    (log,) = headrace.root.glob("long/*/logs/note-pid.log")
    with log.open("a", encoding="utf-8") as file:
        file.write("half a line")
        file.flush()
        file.write(", and the rest\n")

    assert follower.stdout is not None
    assert follower.stdout.readline() == "half a line, and the rest\n"
    headrace("runs", "cancel", "latest")
    process.communicate(timeout=60)
    assert follower.wait(60) == 0
    follower.stdout.close()


def test_a_run_is_watched_from_another_process_to_its_end(
    headrace: Commands, journal: Path
) -> None:
    process = started(talking, headrace.root)
    wait_for(lambda: journal.read_text("utf-8") != "")

    watched = subprocess.run(
        [
            *(sys.executable, "-m", "headrace.cli.main", "runs", "watch", "latest"),
            *("--root", str(headrace.root)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert watched.returncode == 0
    assert "slow  done" in watched.stderr
    assert f"Directory: {headrace.root}" in watched.stderr
    assert "log at" not in watched.stderr
    process.communicate()


def test_a_resumed_run_keeps_what_is_known_of_the_tasks_that_were_done(
    headrace: Commands, tmp_path: Path
) -> None:
    result = ran(broken, headrace)
    before = headrace.shown(result.run_id)["tasks"]

    headrace_output(headrace, "run", "--resume", result.run_id)

    after = headrace.shown(result.run_id)["tasks"]
    assert [task["name"] for task in after] == [task["name"] for task in before]
    assert [task["state"] for task in after] == ["failed", "skipped", "skipped"]


def test_a_damaged_journal_or_state_hides_no_run(headrace: Commands) -> None:
    result = ran(pair, headrace)
    with (result.directory / "tasks.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"time": 3}\n{"tasks"\n[]\nnull\n{"time": "2026-01-01", "task": "a"}\n\0\n')

    assert [task["state"] for task in headrace.shown("latest")["tasks"]] == ["done", "done"]
    for content in ("", "{", "[]", '{"state": 3}', '{"state": "odd", "seconds": "x"}'):
        (result.directory / "state.json").write_text(content, "utf-8")
        assert headrace.shown("latest")["state"] == "interrupted"
    (result.directory / "summary.json").unlink()
    assert headrace.shown("latest")["parameters"] == {"text": "x", "rate": 0.5}
    (result.directory / "run.json").write_text("{", "utf-8")
    assert headrace.listed() == [result.run_id]


def test_a_list_reads_no_pipeline_of_a_run(headrace: Commands) -> None:
    result = ran(pair, headrace, text="y")
    (result.directory / "run.json").write_text("not read", "utf-8")

    (run,) = json.loads(headrace("runs", "list", "--json"))

    assert (run["state"], run["parameters"]["text"]) == ("succeeded", "y")


def test_a_table_on_a_terminal_has_no_line_that_is_too_long(headrace: Commands) -> None:
    ran(pair, headrace, text="much longer than a terminal is wide")
    main_end, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 70))

    subprocess.run(
        [
            *(sys.executable, "-m", "headrace.cli.main", "runs", "list"),
            *("--root", str(headrace.root)),
        ],
        stdout=terminal,
        check=True,
        env={key: value for key, value in os.environ.items() if key != "COLUMNS"},
    )

    shown = os.read(main_end, 10_000).decode().splitlines()
    assert [len(line) <= 70 for line in shown] == [True, True]
    assert "longer" in headrace("runs", "list")
    os.close(terminal)
    os.close(main_end)


def test_what_controls_a_terminal_is_not_printed(headrace: Commands) -> None:
    ran(pair, headrace, text="\x1b[31mred\x07")

    for words in (["runs", "list"], ["runs", "show", "latest"], ["diff", "latest", "latest"]):
        assert not {"\x1b", "\x07"} & set(headrace(*words))


@dsl.pipeline(name="looping")
def looping(names: list = ["a", "b c"]):
    with dsl.ParallelFor(names) as name:
        step(name=name, value="x").set_display_name("One of: ü/ü")
        with dsl.If(name == "a"):
            fails(name=name).set_retry(num_retries=1, backoff_duration="0s")


def test_tasks_of_loops_and_conditions_are_shown_with_logs_and_tries(headrace: Commands) -> None:
    ran(looping, headrace)

    tasks = {task["name"]: task for task in headrace.shown("latest")["tasks"]}

    states = {name: task["state"] for name, task in tasks.items()}
    assert sorted(states.values()) == ["done", "done", "failed", "skipped"]
    (failed,) = (task for task in tasks.values() if task["state"] == "failed")
    assert Path(failed["log"]).read_text("utf-8").count("out of tea") == 2
    assert headrace("logs", "latest", failed["name"]) == "out of tea\nout of tea\n"
    (skipped,) = (task for task in tasks.values() if task["state"] == "skipped")
    assert skipped["reason"]


@dsl.pipeline(name="trying")
def trying():
    fails(name="first").set_retry(num_retries=3, backoff_duration="60s")


def test_a_run_that_waits_for_another_attempt_is_cancelled_and_says_why_it_waited(
    headrace: Commands,
) -> None:
    process = started(trying, headrace.root)
    wait_for(lambda: any("again" in file.read_text("utf-8") for file in journals(headrace)))
    (waiting,) = headrace.shown("latest")["tasks"]
    assert (waiting["state"], "attempt 1 of 4 failed" in waiting["message"]) == ("running", True)

    headrace("runs", "cancel", "latest")

    assert "interrupted" in process.communicate(timeout=60)[0]
    (task,) = headrace.shown("latest")["tasks"]
    assert (task["state"], "attempt 1 of 4 failed" in task["message"]) == ("cancelled", True)


def journals(headrace: Commands) -> list[Path]:
    return list(headrace.root.glob("*/*/tasks.jsonl"))

"""The progress display, on real terminals of several kinds and without one."""

import dataclasses
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import textwrap
from pathlib import Path

import pytest
from rich.console import Console

from headrace.display import progress as progress_display
from headrace.display.progress import ProgressDisplay
from headrace.targets.local.shared.observer import Observer
from headrace.targets.local.shared.results import (
    RunResult,
    RuntimeArtifact,
    TaskFailure,
    TaskOutcome,
)
from headrace_components.contract.progress import Progress

REASON = "transform: preprocessing_fn raised KeyError: 'dep_time' [module.py, line 41]."
LOG = Path("/a/long/root/of/many/directories/flights/run-1/logs/transform.log")


def result(*failures: TaskFailure) -> RunResult:
    return RunResult(
        pipeline="flights",
        run_id="run-1",
        state="failed" if failures else "succeeded",
        directory=Path("/root/flights/run-1"),
        seconds=84.0,
        tasks=(),
        failures=failures,
    )


FAILURE = TaskFailure(task="transform", kind="input", message=REASON, log=LOG)


def play(display: Observer) -> None:
    display.run_started("run-1", ["gen", "stats", "transform", "trainer"])
    display.task_started("gen")
    display.task_finished("gen", "done", 3725.0, None)
    display.task_finished("stats", "cached", 0.0, None)
    display.task_started("transform")
    display.log("Importing TensorFlow [in the background].")
    display.task_finished("transform", "failed", 4.21, REASON)
    display.task_finished("trainer", "skipped", 0.0, "transform failed")
    display.run_finished(result(FAILURE))


def plain_lines() -> list[str]:
    file = io.StringIO()
    with ProgressDisplay(Console(file=file)) as display:
        play(display)
    return file.getvalue().splitlines()


def test_a_run_goes_on_where_its_progress_cannot_be_written() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    full = io.TextIOWrapper(io.FileIO(descriptor, "w"), write_through=True)
    display = ProgressDisplay(Console(file=full, force_terminal=True))

    with display:
        display.run_started("r", ["a"])
        display.task_started("a")
        display.task_finished("a", "done", 1.0, None)
        display.log("line")

    with pytest.raises(OSError, match="No space left"):
        full.write("x")


def test_elsewhere_than_on_a_terminal_each_event_is_one_line() -> None:
    # The time since the start differs from run to run; the rest does not.
    lines = [re.sub(r"^ +\d\.\ds", "T", line) for line in plain_lines()]
    assert lines == [
        "Run run-1: 4 tasks",
        "T  gen        started",
        "T  gen        done  1h 02m",
        "T  stats      cached  0.0s",
        "T  transform  started",
        "Importing TensorFlow [in the background].",
        "T  transform  failed  4.2s",
        "T  trainer    skipped  transform failed",
        "Run run-1 failed in 1m 24s: 1 done, 1 cached, 1 failed, 1 skipped",
        "",
        "transform failed:",
        REASON,
        f"Its log: {LOG}",
    ]


def test_the_reason_of_a_failure_comes_last_and_once() -> None:
    lines = plain_lines()
    assert lines[-2:] == [REASON, f"Its log: {LOG}"]
    assert lines.count(REASON) == 1


def test_a_run_that_succeeds_ends_with_its_summary() -> None:
    file = io.StringIO()
    with ProgressDisplay(Console(file=file)) as display:
        display.run_started("run-1", ["gen"])
        display.task_started("for-loop-1/0/gen")
        display.task_finished("for-loop-1/0/gen", "done", 1.0, None)
        display.run_finished(result())
    assert file.getvalue().splitlines()[-1] == "Run run-1 succeeded in 1m 24s: 1 done"


def test_verdicts_come_after_the_end_of_the_run() -> None:
    pushed = RuntimeArtifact(uri="/p", type="tfx.PushedModel", metadata={"pushed": 0})
    task = TaskOutcome(name="pusher", state="done", artifacts={"pushed_model": (pushed,)})
    file = io.StringIO()

    with ProgressDisplay(Console(file=file)) as display:
        display.run_finished(dataclasses.replace(result(FAILURE), tasks=(task,)))

    assert file.getvalue().splitlines() == [
        "Run run-1 failed in 1m 24s",
        "✗ pusher  not pushed",
        "",
        "transform failed:",
        REASON,
        f"Its log: {LOG}",
    ]


def on_terminal(script: str, *, columns: int, lines: int = 24, **environment: str) -> str:
    """Runs `script` on a pseudo-terminal of this size and returns its output."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stderr=terminal,
        stdin=terminal,
        env={
            **kept,
            "TERM": "xterm-256color",
            "PYTHONPATH": os.pathsep.join(sys.path),
            **environment,
        },
    )
    os.close(terminal)
    sent = b""
    while True:
        try:
            chunk = os.read(main, 65536)
        except OSError:  # Linux raises this when the last writer has closed
            chunk = b""
        if not chunk:
            break
        sent += chunk
    os.close(main)
    assert process.wait() == 0
    return sent.decode("utf-8")


PLAY = "from test_progress import *\nwith ProgressDisplay() as display: play(display)"
LIVE = textwrap.dedent(
    """
    import time
    from headrace.display.progress import ProgressDisplay
    with ProgressDisplay() as display:
        display.run_started("run-1", ["gen", "transform"])
        display.task_started("gen")
        display.task_started("a/very/deep/sub-pipeline/for-loop-1/17/with-a-long-name")
        time.sleep(0.5)
    """
)
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


def visible(sent: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sent).replace("\r", "\n").splitlines()


def test_a_terminal_shows_the_tasks_that_run_and_gets_its_cursor_back() -> None:
    sent = on_terminal(LIVE, columns=80)
    assert any(re.match(r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] gen +0\.\ds", line) for line in visible(sent))
    assert any("2 running, 1 to go" in line for line in visible(sent))
    assert "started" not in sent
    assert sent.rfind(SHOW_CURSOR) > sent.rfind(HIDE_CURSOR) >= 0


def test_a_narrow_terminal_cuts_names_and_keeps_times() -> None:
    lines = visible(on_terminal(LIVE, columns=30))
    assert any(re.match(r". a/very/deep/sub-p…  +0\.\ds$", line) for line in lines)
    assert max(map(len, lines)) <= 30


def test_more_tasks_than_lines_are_counted() -> None:
    script = LIVE.replace(
        'display.task_started("gen")', "[display.task_started(f't{i}') for i in range(40)]"
    )
    lines = visible(on_terminal(script, columns=80, lines=10))
    assert "  and 37 more" in lines


def test_the_path_of_a_log_stays_whole_on_a_narrow_terminal() -> None:
    assert str(LOG) in on_terminal(PLAY, columns=30)


def test_colour_is_left_out_where_it_is_not_wanted() -> None:
    green = "\x1b[32m"
    assert green in on_terminal(PLAY, columns=80)
    assert green not in on_terminal(PLAY, columns=80, NO_COLOR="1")


def test_a_dumb_terminal_gets_plain_lines() -> None:
    sent = on_terminal(PLAY, columns=80, TERM="dumb")
    assert "gen        started" in sent
    assert "\x1b" not in sent


def test_a_terminal_without_unicode_gets_ascii() -> None:
    sent = on_terminal(LIVE, columns=30, PYTHONIOENCODING="ascii")
    assert sent.isascii()
    assert "\\u" not in sent


def test_an_exception_gives_the_terminal_back() -> None:
    script = LIVE.replace("time.sleep(0.5)", "time.sleep(0.2); raise SystemExit(0)")
    sent = on_terminal(script, columns=80)
    assert sent.rfind(SHOW_CURSOR) > sent.rfind(HIDE_CURSOR) >= 0


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.04, "0.0s"), (59.94, "59.9s"), (59.96, "1m 00s"), (7261, "2h 01m")]
)
def test_a_duration_is_written_as_people_read_it(seconds: float, shown: str) -> None:
    file = io.StringIO()
    ProgressDisplay(Console(file=file)).task_finished("gen", "done", seconds, None)
    assert file.getvalue().split("done")[1].strip() == shown


def test_a_terminal_shows_how_far_a_task_is() -> None:
    script = textwrap.dedent(
        """
        import time
        from headrace.display.progress import ProgressDisplay
        from headrace_components.contract.progress import Progress
        with ProgressDisplay() as display:
            display.run_started("run-1", ["trainer"])
            display.task_started("trainer")
            text = "epoch 2/10, step 300/1,000, 5,300 examples/s, loss 0.31, accuracy 0.9"
            display.task_progressed("trainer", Progress(text=text, share=0.13))
            time.sleep(0.5)
            display.task_said("trainer", "not asked for")
            display.task_finished("trainer", "done", 1.0, None)
        """
    )

    wide, narrow = on_terminal(script, columns=100), on_terminal(script, columns=30)

    assert "13% epoch 2/10, step 300/1,000, 5,300 examples/s, loss 0.31" in wide
    assert "epoch 2" not in narrow
    assert "not asked for" not in wide


def test_elsewhere_progress_is_a_line_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_display, "_LINE_SECONDS", 0.0)
    file = io.StringIO()

    with ProgressDisplay(Console(file=file)) as display:
        display.task_progressed("trainer", Progress(text="step 1/2"))
        monkeypatch.setattr(progress_display, "_LINE_SECONDS", 1000.0)
        display.task_progressed("trainer", Progress(text="step 2/2"))
        display.task_progressed("trainer", Progress(text="step 3/2"))

    assert "step 1/2" in file.getvalue()
    assert "step 3/2" not in file.getvalue()


def test_lines_of_logs_are_printed_with_their_task_and_without_commands_to_the_terminal() -> None:
    file = io.StringIO()

    with ProgressDisplay(Console(file=file), is_verbose=True) as display:
        display.task_said("trainer", "a\tb \x1b[2J [red]")
        display.task_said("trainer", "NOTICE trainer: it is printed anyway")

    assert file.getvalue() == "trainer: a       b  [2J [red]\n"

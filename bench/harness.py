"""Starts each side of a measurement as a fresh process, in turns, and reads what it cost.

Standard library only, and small: Linux counts the memory of the process that starts another into
the other's peak, so a harness that imported TensorFlow would hide every peak below its own.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
_LINES_OF_A_FAILURE = 8


class BenchError(Exception):
    """A measurement that could not be made, or an argument that nothing can be measured with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two programs that a measurement compares.

    Attributes:
        label: Its name in the table.
        command: Makes the command line, from an empty directory for what the command writes.
        rows: Rows that the command processes; None if rows do not apply, or if the command reports
            them.
        is_whole_process: Whether the cost is that of the process, from its start to its end.
            Otherwise the process measures its work itself, without its imports, and reports it.
        keeps_directory: Whether what the command wrote is kept for other measurements.
    """

    label: str
    command: Callable[[Path], Sequence[str]]
    rows: int | None = None
    is_whole_process: bool = False
    keeps_directory: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The costs of one run, or the medians of several.

    Attributes:
        seconds: By the clock.
        cpu_seconds: Of all threads and processes; None if it was not recorded.
        peak_mib: The largest resident memory of any one process; None if it was not recorded.
        rows: Rows processed; None where rows say nothing.
    """

    seconds: float
    cpu_seconds: float | None = None
    peak_mib: float | None = None
    rows: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A figure of TFX from another machine, to print if there is no TFX to run."""

    label: str
    figures: Figures


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """The two sides of a measurement.

    Attributes:
        title: Its name in the table.
        headrace: Headrace's side.
        beside: The side to compare with: a side to run, a figure recorded elsewhere, or nothing.
    """

    title: str
    headrace: Side
    beside: Side | Recorded | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The runs of a measurement; `beside` is empty where only a recorded figure, or none, was had.

    Attributes:
        measurement: The measurement.
        headrace: Each run of Headrace.
        beside: Each run of the other side.
    """

    measurement: Measurement
    headrace: tuple[Figures, ...]
    beside: tuple[Figures, ...]

    def as_json(self, name: str) -> dict[str, Any]:
        """Returns every run, as plain data."""
        beside = self.measurement.beside
        return {
            "name": name,
            "title": self.measurement.title,
            "headrace": [asdict(figures) for figures in self.headrace],
            "beside": beside.label if beside else None,
            "beside_runs": [asdict(figures) for figures in self.beside],
            "recorded": asdict(beside.figures) if isinstance(beside, Recorded) else None,
        }


def take(name: str, measurement: Measurement, directory: Path, repeat: int) -> Result:
    """Runs both sides `repeat` times in turns, so that a slow spell of the machine hits both.

    Args:
        name: The measurement's name; directories and progress lines carry it.
        measurement: The measurement to run.
        directory: Where each run gets an empty directory.
        repeat: Runs per side, at least 1.

    Raises:
        BenchError: A side ended with an error, or reported no figures.
    """
    runs: dict[str, list[Figures]] = {"headrace": [], "beside": []}
    for turn in range(repeat):
        for key, side in _sides(measurement):
            figures = run_side(side, directory / f"{name}-{key}-{turn}")
            runs[key].append(figures)
            progress(f"{name} {turn + 1}/{repeat} {side.label}: {figures.seconds:.2f} s")
    return Result(
        measurement=measurement, headrace=tuple(runs["headrace"]), beside=tuple(runs["beside"])
    )


def run_side(side: Side, directory: Path) -> Figures:
    """Runs one side once, with `directory` to write to, and returns what it cost.

    Raises:
        BenchError: It ended with an error, or reported no figures.
    """
    directory.mkdir(parents=True)
    written = directory / "written"
    written.mkdir()
    is_kept = False
    try:
        process, output = run_process(side.command(written), directory)
        figures = process if side.is_whole_process else _reported(side, output)
        is_kept = side.keeps_directory
    finally:  # what a failed run leaves behind must not be taken for a finished one
        if not is_kept:
            shutil.rmtree(directory)
    return Figures(**{**asdict(figures), "rows": figures.rows or side.rows})


def run_process(command: Sequence[str], directory: Path) -> tuple[Figures, str]:
    """Runs a command to its end; returns what the process cost, and its standard output.

    Raises:
        BenchError: Its exit code is not 0; the message has the last lines of its log.
    """
    log, output = directory / "stderr.log", directory / "stdout.log"
    start = time.perf_counter()
    with log.open("wb") as stderr, output.open("wb") as stdout:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, cwd=REPOSITORY)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        last = log.read_text("utf-8", "replace").splitlines()[-_LINES_OF_A_FAILURE:]
        raise BenchError(
            f"bench: `{_shortened(command)}` ended with exit code {process.returncode}, expected "
            "0. It last said:\n  " + "\n  ".join(last)
        )
    cost = Figures(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
    )
    return cost, output.read_text("utf-8", "replace")


def medians(runs: Sequence[Figures]) -> Figures:
    """Returns the median of each figure, each taken by itself; `rows` are the first run's."""
    return Figures(
        seconds=statistics.median(run.seconds for run in runs),
        cpu_seconds=_median([run.cpu_seconds for run in runs]),
        peak_mib=_median([run.peak_mib for run in runs]),
        rows=runs[0].rows,
    )


def progress(line: str) -> None:
    """Shows the progress, without changing the table on standard output."""
    print(line, file=sys.stderr, flush=True)


def _sides(measurement: Measurement) -> Iterator[tuple[str, Side]]:
    yield "headrace", measurement.headrace
    if isinstance(measurement.beside, Side):
        yield "beside", measurement.beside


def _reported(side: Side, output: str) -> Figures:
    lines = output.splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise BenchError(
            f"bench: the process of {side.label} printed {lines[-1:]} last, expected a line of "
            "JSON with its figures. Let the side end with `clock.report`."
        )
    return Figures(**json.loads(lines[-1]))


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _shortened(command: Sequence[str]) -> str:
    text = " ".join(command)
    return text if len(text) <= 160 else text[:160] + "..."

"""The command line of the benchmark."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.harness import BenchError, Result, progress, take
from bench.inputs import Inputs
from bench.report import table
from bench.sides import Bench
from bench.suite import MEASUREMENTS

# So many that its start, about a second, is no longer seen in its seconds per row.
_TFX_ROWS = 100_000
_TFX_VERSION = "from importlib import metadata; import tfx.v1; print(metadata.version('tfx'))"

_NOTES = """
Medians of {repeat} runs; each run is a fresh process, and the two sides take turns. Seconds leave
imports out, except where * marks a whole process. MiB is the peak of the largest process, imports
included. Ratio: seconds per row, or seconds where rows say nothing, of the right side over those of
Headrace. Where the numbers of rows differ, the right side got only the first rows, to save time.\
"""
_NO_TFX = """
There was no TFX to run: its figures come from another machine and other data, so their ratios only
show only the order of magnitude. To measure TFX here, give --tfx-python an interpreter that has it:
  python3.10 -m venv tfx && tfx/bin/pip install tfx==1.16.0 dill "apache-beam<2.73"\
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, prints the table and returns the exit code: 0, 1 where something failed, or 2."""
    options = _parser().parse_args(argv)
    try:
        names = _names(options.only)
        _check_number("--repeat", options.repeat, at_least=1)
        _check_number("--rows", options.rows, at_least=0)
        _check_number("--tfx-rows", options.tfx_rows, at_least=0)
        tfx_python = _absolute(options.tfx_python)
        version = tfx_version(tfx_python) if tfx_python else ""
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        bench = Bench(
            inputs=Inputs(directory=Path(scratch, "inputs"), rows=options.rows),
            directory=Path(scratch, "runs"),
            tfx_python=tfx_python,
            tfx_version=version,
            tfx_rows=options.tfx_rows,
        )
        results: dict[str, Result] = {}
        for name, result in _take_all(names, bench, options.repeat):
            results[name] = result
            if options.json:  # after each: who stops a long benchmark keeps what it measured
                _write(results, options.json, version)
    _print(results, options.repeat, version)
    return 0 if len(results) == len(names) else 1


def tfx_version(interpreter: str) -> str:
    """Returns the version of the TFX that an interpreter has.

    Raises:
        BenchError: It is not an interpreter, or TFX cannot be imported in it.
    """
    try:
        result = subprocess.run(
            [interpreter, "-c", _TFX_VERSION], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise BenchError(
            f"bench: --tfx-python is {interpreter!r}, expected a Python interpreter "
            f"({error.strerror}). Give the path of one that has TFX, as tfx/bin/python."
        ) from error
    if result.returncode != 0:
        last = result.stderr.strip().splitlines()[-1:]
        raise BenchError(
            f"bench: --tfx-python is {interpreter!r}, which cannot import TFX: {last}. Install it "
            'there: pip install tfx==1.16.0 dill "apache-beam<2.73".'
        )
    return result.stdout.splitlines()[-1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures Headrace, and TFX beside it where there is an interpreter with TFX.",
        epilog="Measurements: " + ", ".join(MEASUREMENTS),
    )
    parser.add_argument("--tfx-python", default="", help="interpreter that has TFX 1.16")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="measure these only")
    parser.add_argument("--repeat", type=int, default=3, help="runs per side (%(default)s)")
    parser.add_argument("--rows", type=int, default=0, help="flights to measure with; 0 takes all")
    parser.add_argument(
        "--tfx-rows",
        type=int,
        default=_TFX_ROWS,
        help="flights for TFX's CsvExampleGen, which takes 3 minutes for all; 0 takes all "
        "(%(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run there too")
    return parser


def _names(only: Sequence[str]) -> list[str]:
    unknown = sorted(set(only) - set(MEASUREMENTS))
    if unknown:
        raise BenchError(
            f"bench: --only names {unknown}, but the measurements are {list(MEASUREMENTS)}. Name "
            "some of those, or leave --only out for all."
        )
    return [name for name in MEASUREMENTS if name in only or not only]


def _absolute(program: str) -> str:
    # The sides start in the repository's root. Do not resolve the link of a virtual environment:
    # Python finds the environment by the link's path.
    return str(Path(shutil.which(program) or program).absolute()) if program else ""


def _check_number(option: str, value: int, *, at_least: int) -> None:
    if value < at_least:
        raise BenchError(
            f"bench: {option} is {value}, expected {at_least} or more. Leave it out for the "
            "default."
        )


def _take_all(names: Sequence[str], bench: Bench, repeat: int) -> Iterator[tuple[str, Result]]:
    """Yields the result of each measurement; a failed one is reported and left out."""
    for name in names:
        try:
            measurement = MEASUREMENTS[name](bench)
            yield name, take(name, measurement, bench.directory, repeat)
        except BenchError as error:
            progress(f"{name}: not measured. {error}")


def _print(results: dict[str, Result], repeat: int, version: str) -> None:
    print(_machine())
    print()
    print(table(list(results.values())))
    print(_NOTES.format(repeat=repeat))
    if not version:
        print(_NO_TFX)


def _write(results: dict[str, Result], path: Path, version: str) -> None:
    document = {
        "machine": _machine(),
        "tfx": version or None,
        "results": [result.as_json(name) for name, result in results.items()],
    }
    path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    return f"{_processor()}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())

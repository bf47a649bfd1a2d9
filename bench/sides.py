"""How either side of a measurement is started."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import eval_configs
from bench.harness import BenchError, Figures, Recorded, Side
from bench.inputs import FLIGHTS, Inputs, component_command


@dataclass(kw_only=True)
class Bench:
    """The settings that all measurements share.

    Attributes:
        inputs: The data that they read.
        directory: Where they write.
        tfx_python: An interpreter that has TFX; empty without one.
        tfx_version: Its TFX's version; empty likewise.
        tfx_rows: Flights that TFX's CsvExampleGen gets, at most; 0 gives it all.
    """

    inputs: Inputs
    directory: Path
    tfx_python: str = ""
    tfx_version: str = ""
    tfx_rows: int = 0


def component_side(
    component: str, parameters: Mapping[str, Any], artifacts: Mapping[str, Any], *, rows: int
) -> Side:
    """Returns the side that runs one of Headrace's components on `rows` rows."""
    return Side(
        label="Headrace",
        command=lambda directory: component_command(component, parameters, artifacts, directory),
        rows=rows,
    )


def evaluator_side(artifacts: Mapping[str, Any], label: str, module: str) -> Side:
    """Returns evaluator on the flights, run by a module of `bench.headrace_side`."""

    def command(directory: Path) -> list[str]:
        parameters = {"eval_config": eval_configs.FLIGHTS}
        return component_command(
            "evaluator", parameters, artifacts, directory, module=module, splits=("eval",)
        )

    return Side(label=label, command=command)


def compile_side() -> Side:
    """Returns the whole process of compiling the flights."""

    def command(directory: Path) -> list[str]:
        output = str(directory / "flights.json")
        pipeline = str(FLIGHTS / "pipeline.py")
        return [_headrace(), "compile", pipeline, "--target", "local", "-o", output]

    return Side(label="Headrace", command=command, is_whole_process=True)


def run_command(example: Path, data: Path, directory: Path) -> list[str]:
    """Returns the command that runs an example, with everything it writes in `directory`."""
    command = [_headrace(), "run", str(example / "pipeline.py"), "--root", str(directory / "root")]
    parameters = {"data": str(data), "serving_dir": str(directory / "serving")}
    for name, value in parameters.items():
        command += ["-p", f"{name}={value}"]
    return command


def tfx_side(
    bench: Bench,
    script: str,
    arguments: Callable[[], Mapping[str, Any]],
    *,
    rows: int | None = None,
    is_whole_process: bool = False,
) -> Side | None:
    """Returns TFX's side, or None without TFX."""
    if not bench.tfx_python:
        return None

    def command(directory: Path) -> list[str]:
        text = json.dumps({**arguments(), "output": str(directory)})
        return [bench.tfx_python, "-m", f"bench.tfx_side.{script}", text]

    label = f"TFX {bench.tfx_version}"
    return Side(label=label, command=command, rows=rows, is_whole_process=is_whole_process)


def recorded(
    what: str,
    *,
    seconds: float,
    cpu_seconds: float | None = None,
    rows: int | None = None,
    peak_mib: float | None = None,
) -> Recorded:
    """Returns a figure of TFX 1.16 from another machine: two cores of a Xeon, 24 GiB, Debian 12."""
    figures = Figures(seconds=seconds, cpu_seconds=cpu_seconds, peak_mib=peak_mib, rows=rows)
    return Recorded(label=f"TFX 1.16, recorded elsewhere: {what}", figures=figures)


def gpu_name() -> str:
    """Returns the name of the GPU that TensorFlow would train on, or an empty string."""
    program = shutil.which("nvidia-smi")
    if program is None or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return ""
    query = [program, "--query-gpu=name", "--format=csv,noheader"]
    result = subprocess.run(query, capture_output=True, text=True, check=False)
    names = result.stdout.splitlines() if result.returncode == 0 else []
    return names[0].strip() if names else ""


def _headrace() -> str:
    program = Path(sys.executable).with_name("headrace")
    if not program.is_file():
        raise BenchError(
            f"bench: {program} is not there, expected the headrace command beside the interpreter. "
            "Run `make bench`, which installs it."
        )
    return str(program)

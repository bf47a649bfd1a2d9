"""Rows and statistics of the penguins, from components started like by a backend."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow_data_validation as tfdv

from headrace_components.library.data.examples import ExamplesReader
from support.oracles.statistics import differences
from support.programs.beam_clusters import executor_input


def run(component: str, root: Path, parameters: Mapping[str, Any], inputs: Sequence[str]) -> str:
    """Runs a component like a backend, and returns its log."""
    root.mkdir(exist_ok=True)
    message = executor_input(component, str(root), root / "output.json", parameters, inputs)
    command = [sys.executable, "-m", f"headrace_components.{component}"]
    done = subprocess.run(
        [*command, "--executor_input", message], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def penguins(root: Path) -> Path:
    """Writes the penguins in the example's form, and returns their directory."""
    script = Path(__file__).parents[3] / "examples/penguins/prepare_data.py"
    subprocess.run([sys.executable, script, root / "penguins.csv"], check=True)
    return root


def check_equal_to_embedded(beam_args: Sequence[str], root: Path) -> list[str]:
    """Asserts that rows and statistics equal those of the embedded engine, and returns the logs.

    Args:
        beam_args: `beam_pipeline_args` of a cluster.
        root: A directory for data and outputs.
    """
    data = penguins(root / "data")
    embedded, remote = root / "embedded", root / "remote"
    for directory, given in ((embedded, []), (remote, list(beam_args))):
        parameters = {"beam_pipeline_args": given}
        logs = [
            run("csv_example_gen", directory, {"input_base": str(data), **parameters}, []),
            run("statistics_gen", directory, parameters, ["examples"]),
        ]
    for split in ("train", "eval"):
        assert _rows(remote / "examples", split) == _rows(embedded / "examples", split)
        expected, found = (
            tfdv.load_stats_binary(str(each / f"statistics/Split-{split}/FeatureStats.pb"))
            for each in (embedded, remote)
        )
        assert differences(expected, found) == []
    return logs


def _rows(directory: Path, split: str) -> list[bytes]:
    reader = ExamplesReader(directory, "test")
    return sorted(record for some in reader.serialized(split) for record in some)

"""A small pipeline whose two functions share a file, for tests of the loop of edits."""

import subprocess
import sys
from pathlib import Path

PIPELINE = """
from kfp import dsl
from headrace_components.authoring import artifact_type, python_component

Table = artifact_type("Table")
Forest = artifact_type("Forest")
prepare = python_component(
    name="prepare", code="module.py:prepare", outputs={"table": Table}, parameters={"scale": 2}
)
train = python_component(
    name="train",
    code="module.py:train",
    inputs={"table": Table},
    outputs={"model": Forest, "loss": float},
    parameters={"rate": 0.5},
)


@dsl.pipeline(name="edit-loop")
def edit_loop(scale: int = 2, rate: float = 0.5):
    table = prepare(scale=scale)
    train(table=table.outputs["table"], rate=rate)
    with dsl.ParallelFor([0.1, 0.2]) as each:
        train(table=table.outputs["table"], rate=each)
"""

MODULE = '''
from pathlib import Path

SCALE = 1


def _scaled(value):
    return value * SCALE


def prepare(table, scale):
    """Writes rows."""
    Path(table.uri, "rows.txt").write_text(str(_scaled(scale)))


def _loss(rate):
    return rate


def train(table, model, rate):
    rows = Path(table.uri, "rows.txt").read_text()
    print(f"training on {rows} at {rate}")
    Path(model.uri, "model.txt").write_text(rows)
    return {"loss": _loss(rate) * float(rows)}
'''


def write_project(directory: Path) -> Path:
    """Writes the pipeline and its module; returns the file of the pipeline."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "module.py").write_text(MODULE, "utf-8")
    (directory / "pipeline.py").write_text(PIPELINE, "utf-8")
    return directory / "pipeline.py"


def edit(file: Path, old: str, new: str) -> None:
    """Replaces a text of a file, which must have it once."""
    text = file.read_text("utf-8")
    if text.count(old) != 1:
        raise ValueError(f"{file} has {old!r} {text.count(old)} times")
    file.write_text(text.replace(old, new), "utf-8")


def headrace(*arguments: str | Path, directory: Path) -> "subprocess.CompletedProcess[str]":
    """Runs a command in a directory."""
    return subprocess.run(
        [sys.executable, "-m", "headrace.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
    )

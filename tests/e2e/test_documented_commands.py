"""The commands of the pages on runs and on the loop of edits, run as they stand there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADRACE = Path(sys.executable).with_name("headrace")

PIPELINE = """
from kfp import dsl
from headrace_components.authoring import python_component

trainer = python_component(
    name="trainer", code="module.py:train", outputs={"loss": float}, parameters={"train_steps": 1}
)


@dsl.pipeline(name="penguins")
def penguins(train_steps: int = 400):
    trainer(train_steps=train_steps)
    with dsl.ParallelFor([1, 2]) as steps:
        trainer(train_steps=steps)
"""

MODULE = """
def train(train_steps):
    if train_steps < 0:
        raise ValueError("steps are counted from 0")
    return {"loss": 1 / (1 + train_steps)}
"""

# `runs cancel` is about a run that goes on: its own test holds it.
LEFT_OUT = ("headrace runs cancel latest",)


def commands(page: str) -> list[str]:
    """The commands of a page that are about this machine, in their order."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    found = [
        line.partition("  #")[0] for line in re.findall(r"^    (headrace .*)$", text, re.MULTILINE)
    ]
    return [
        line.strip() for line in found if "--target" not in line and line.strip() not in LEFT_OUT
    ]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "pipeline.py").write_text(PIPELINE, "utf-8")
    (folder / "module.py").write_text(MODULE, "utf-8")
    for steps, code in ((400, 0), (500, 0), (-1, 1)):
        run(folder, f"headrace run pipeline.py -p train_steps={steps}", code=code)
    return folder


def run(folder: Path, line: str, code: int = 0) -> str:
    command = [str(HEADRACE), *shlex.split(line)[1:]]
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, input="y\n", check=False
    )
    assert result.returncode == code, f"{line}\n{result.stdout}{result.stderr}"
    return result.stdout + result.stderr


@pytest.mark.slow
def test_the_commands_of_the_page_on_runs_do_what_it_says(project: Path) -> None:
    # The latest run failed, and `watch` says so.
    codes = {"headrace runs watch latest": 1}
    printed = {line: run(project, line, codes.get(line, 0)) for line in commands("runs.md")}

    assert len(printed) >= 9
    assert "penguins" in printed["headrace runs list"]
    assert "steps are counted from 0" in printed["headrace logs latest trainer -f"]
    assert "train_steps" in printed["headrace diff latest"]
    assert "steps=400" in printed["headrace runs list -p train_steps=400 --limit 100"]
    assert "failed" not in run(project, "headrace runs list")


@pytest.mark.slow
def test_the_commands_of_the_page_on_the_loop_of_edits_do_what_it_says(project: Path) -> None:
    # Images of this machine belong to other tests.
    lines = [line.replace(" --images", "") for line in commands("edit-loop.md")]
    printed = {line: run(project, line) for line in lines}

    assert len(printed) >= 8
    assert (
        "penguins" in printed["headrace why latest"] or "trainer" in printed["headrace why latest"]
    )
    assert "loss" in printed["headrace spin latest for-loop-2/0/trainer-2 -p train_steps=20"]

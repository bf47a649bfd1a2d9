"""A new component needs a folder, its image's requirements and a test; the rest is generated."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
# Files that may refer to a component: not data and goldens.
PARTS = (
    "components",
    "compiler",
    "docs",
    "images",
    "tests",
    "examples/headrace.toml",
    "pyproject.toml",
)
TOY = {
    "components/headrace_components/row_counter/__init__.py": '"""RowCounter."""\n',
    "components/headrace_components/row_counter/params.py": '''
"""Parameters of RowCounter."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class RowCounterParams:
    """Parameters that a pipeline author may set.

    Attributes:
        split: The split to count.
        at_least: Fewer rows are an error.
    """

    split: str
    at_least: int = 1
'''.lstrip(),
    "components/headrace_components/row_counter/component.py": '''
"""Counts the rows of a split."""

from headrace_components.contract.artifact_types import EXAMPLES, METRICS
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.row_counter.params import RowCounterParams

COMPONENT = Component(
    name="row_counter",
    doc=__doc__,
    inputs={"examples": Input(EXAMPLES, "The rows.")},
    outputs={"metrics": Output(METRICS, "Their number.")},
    parameters=RowCounterParams,
)
'''.lstrip(),
    "components/headrace_components/row_counter/executor.py": '''
"""Counts rows."""

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.row_counter.params import RowCounterParams


def execute(task: Task) -> None:
    """Writes the number of rows into the metadata of the metrics."""
    params = read(RowCounterParams, task.params, task.component)
    rows = ExamplesReader(task.input("examples").path, task.component).num_rows(params.split)
    if rows < params.at_least:
        raise InputError(f"row_counter: {rows} rows. Give more.")
    task.output("metrics").metadata["rows"] = rows
'''.lstrip(),
    "tests/contract/test_row_counter.py": '''
"""Contract of row_counter."""

from pathlib import Path

import pyarrow as pa

from headrace_components.library.data.examples import ExamplesWriter, examples_metadata
from support.launcher.entry_points import Launcher, Outcome


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    values = pa.array([[1.0], [2.0]], pa.large_list(pa.float32()))
    with ExamplesWriter(tmp_path / "examples", "train") as writer:
        writer.write(pa.RecordBatch.from_arrays([values], ["x"]))
    examples = launcher.store(tmp_path / "examples", examples_metadata(["train"]))
    outcome = launcher.run("row_counter", {"split": "train"}, examples=examples)
    assert outcome["metrics"].metadata["rows"] == 2
    return outcome
'''.lstrip(),
    "images/row_counter/requirements.in": "-r ../layers/arrow/requirements.in\n",
}
PIPELINE = """
from kfp import dsl
from headrace_components.catalog import csv_example_gen, row_counter

@dsl.pipeline(name="counting")
def counting(data: str, least: int = 2):
    examples = csv_example_gen(input_base=data).outputs["examples"]
    row_counter(examples=examples, split="train", at_least=least)
"""
SCRIPT = """
import json
import headrace

for target in ("local", "kubeflow", "vertex"):
    output = f"compiled.{target}"
    headrace.compile("pipeline.py", target=target, config="examples/headrace.toml", output=output)
found = {}
for least in (2, 200):
    result = headrace.run("pipeline.py", parameters={"data": "data", "least": least})
    (counted,) = (task for task in result.tasks if task.name == "row-counter")
    made = [dict(metrics.metadata) for metrics in counted.artifacts.get("metrics", ())]
    found[result.state] = made or [failure.message for failure in result.failures]
print(json.dumps(found))
"""
GENERATED = {
    "components/headrace_components/catalog.pyi",
    "docs/components.md",
    "examples/headrace.toml",
    "images/docker-bake.hcl",
}


def files(tree: Path) -> Mapping[str, bytes]:
    """Returns the files of a tree, by path."""
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and ".ruff_cache" not in path.parts
    }


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source tree with the toy component, before `make generate`."""
    copy = tmp_path_factory.mktemp("tree")
    for part in PARTS:
        source, target = REPOSITORY / part, copy / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for path, text in TOY.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text(text, "utf-8")
    (copy / "pipeline.py").write_text(PIPELINE, "utf-8")
    (copy / "data").mkdir()
    lines = ["x,y", *(f"{number},{number * 2}" for number in range(30))]
    (copy / "data/rows.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return copy


def call(tree: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join([str(tree / "components"), str(tree / "compiler")])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def ready(tree: Path) -> Path:
    """The same tree after `make generate`."""
    assert call(tree, "-m", "generate").returncode == 0
    return tree


def test_generating_writes_the_rest_and_nothing_else(tree: Path) -> None:
    before = files(tree)

    stale = call(tree, "-m", "generate", "--check")
    assert stale.returncode == 1
    assert "Run `make generate`" in stale.stderr
    assert all(name in stale.stderr for name in GENERATED)
    assert files(tree) == before

    written = call(tree, "-m", "generate")
    assert written.returncode == 0, written.stderr
    after = files(tree)
    assert {path for path in after if after[path] != before.get(path)} == GENERATED
    assert call(tree, "-m", "generate", "--check").returncode == 0
    for name in GENERATED:
        assert b"row_counter" in after[name]


def test_it_compiles_for_each_target_and_runs_here(ready: Path) -> None:
    done = call(ready, "-c", SCRIPT)

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["succeeded"] == [{"rows": 18}]
    assert found["failed"] == ["row_counter: 18 rows. Give more."]
    for target in ("local", "kubeflow", "vertex"):
        text = (ready / f"compiled.{target}").read_text("utf-8")
        assert "headrace_components.row_counter" in text


def test_it_is_held_to_what_every_component_keeps(ready: Path) -> None:
    tests = "tests/contract/test_every_component.py"
    chosen = "row_counter and not image"

    done = call(
        ready, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", tests, "-k", chosen
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_an_editor_knows_it(ready: Path) -> None:
    (ready / "wrong.py").write_text(PIPELINE.replace("at_least=least", 'at_least="two"'), "utf-8")
    (ready / "mypy.ini").write_text(
        f"[mypy]\nmypy_path = {ready}/components\n[mypy-kfp.*]\nignore_missing_imports = true\n",
        "utf-8",
    )

    done = call(ready, "-m", "mypy", "--config-file", "mypy.ini", "pipeline.py", "wrong.py")

    assert done.stdout.count(": error: ") == 1
    assert 'wrong.py:8: error: Argument "at_least" to "row_counter" has incompatible' in done.stdout

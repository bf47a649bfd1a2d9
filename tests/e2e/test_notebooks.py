"""Pipelines of Headrace that are written and run in a notebook, with a real kernel."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.launcher.notebooks import Cell, Kernel, running_kernel

DATA = """
import pathlib
pathlib.Path("data").mkdir()
rows = "".join(f"{i},{i % 2}\\n" for i in range(60))
pathlib.Path("data/rows.csv").write_text("x,y\\n" + rows)
"""

MODULE = """
%%writefile features.py
from scaling import doubled

def preprocessing_fn(inputs):
    return {"x_xf": doubled(inputs["x"]), "y": inputs["y"]}
"""

SIBLING = """
%%writefile scaling.py
def doubled(x):
    return x * 2
"""

PIPELINE = """
from kfp import dsl

import headrace
from headrace_components.catalog import csv_example_gen, schema_gen, statistics_gen, transform

@dsl.component(base_image="python:3.11")
def length(text: str) -> int:
    return len(text)

@dsl.pipeline
def doubling():
    rows = csv_example_gen(input_base="data")
    statistics = statistics_gen(examples=rows.outputs["examples"])
    schema = schema_gen(statistics=statistics.outputs["statistics"])
    transform(
        examples=rows.outputs["examples"],
        schema=schema.outputs["schema"],
        module_file="features.py",
    )
    length(text="hello")
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with running_kernel() as started:
        yield started


@pytest.fixture(scope="module")
def ran(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cell]:
    names = {
        "data": DATA,
        "module": MODULE,
        "sibling": SIBLING,
        "pipeline": PIPELINE,
        "graph": "headrace.graph(doubling)",
        "shown": "%load_ext headrace\ndoubling",
        "run": "result = headrace.run(doubling)\nresult",
        "task": "[task for task in result.tasks if task.name == 'statistics-gen'][0]",
        "artifact": "next(t for t in result.tasks if 'gen' in t.name).artifacts['examples'][0]",
        "runs": "headrace.runs(state='succeeded')",
        "outputs": "{task.name: task.parameters for task in result.tasks}['length']",
        "broken": SIBLING.replace("x * 2", "x.no_such"),
        "run broken": "headrace.run(doubling)",
        "mended": SIBLING.replace("x * 2", "x * 3"),
        "run mended": "print({t.name: t.state for t in headrace.run(doubling).tasks})",
    }
    cells = kernel.execute(tmp_path_factory.mktemp("plain"), *names.values())
    return dict(zip(names, cells, strict=True))


@pytest.mark.slow
def test_a_pipeline_of_a_cell_runs_with_a_module_file_of_another_cell(ran: dict[str, Cell]) -> None:
    progress, shown = (each["data"] for each in ran["run"].outputs)

    assert progress["text/plain"].splitlines()[0].startswith("Run ")
    assert " succeeded in " in progress["text/plain"]
    assert ">transform<" in progress["text/html"]
    assert "Report: statistics-gen" in shown["text/html"]
    assert 'sandbox=""' in shown["text/html"]
    assert "Data statistics" in shown["text/html"]
    assert ran["outputs"].value == "{'Output': 5}"


@pytest.mark.slow
def test_a_pipeline_of_a_cell_is_shown_as_a_graph_before_it_runs(ran: dict[str, Cell]) -> None:
    for cell in (ran["graph"], ran["shown"]):
        [svg] = re.findall(r"<svg.*</svg>", cell.html, re.DOTALL)
        assert all(name in svg for name in ("csv-example-gen", "statistics-gen", "transform"))
        places = {
            name: float(y)
            for y, name in re.findall(r'<text x="[\d.]+" y="([\d.]+)"[^>]*>([\w-]+)<', svg)
        }
        assert places["csv-example-gen"] < places["statistics-gen"] < places["schema-gen"]
    assert "transform (transform), after csv-example-gen, schema-gen" in ran["graph"].value


def test_tasks_artifacts_and_lists_of_runs_are_shown(ran: dict[str, Cell]) -> None:
    assert "<summary" in ran["task"].html
    assert "statistics: tfx.ExampleStatistics" in ran["task"].html
    assert "Data statistics" in ran["task"].html
    assert "tfx.Examples" in ran["artifact"].html
    assert "split_names" in ran["artifact"].html
    assert "doubling" in ran["runs"].html
    assert ">succeeded</span>" in ran["runs"].html


def test_a_module_that_a_cell_writes_again_is_used_as_it_is_then(ran: dict[str, Cell]) -> None:
    assert "AttributeError at scaling.py, line 2" in ran["run broken"].html
    assert ">cached<" in ran["run broken"].html
    assert "'transform': 'done'" in ran["run mended"].printed
    assert "'schema-gen': 'cached'" in ran["run mended"].printed


def test_an_error_is_one_line_below_the_line_of_the_cell(kernel: Kernel, tmp_path: Path) -> None:
    *_, compiled, returned = kernel.execute(
        tmp_path,
        PIPELINE,
        "import os\nheadrace.compile(doubling, target='local')",
        "headrace.run(headrace.run)",
        may_fail=True,
    )

    place, code, message = compiled.error.splitlines()
    assert ", line 2, in " in place
    assert code.strip() == "headrace.compile(doubling, target='local')"
    assert message.startswith("CompileError: task `transform`: `module_file` names ")
    assert repr(str(tmp_path / "features.py")) in message
    assert len(returned.error.splitlines()) == 3


@pytest.mark.slow
def test_an_interrupt_ends_the_tasks_and_the_cell(kernel: Kernel, tmp_path: Path) -> None:
    def interrupt() -> None:
        deadline = time.monotonic() + 120
        while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        kernel.manager.interrupt_kernel()

    cell = f"""
from kfp import dsl

import headrace

@dsl.component(base_image="python:3.11")
def wait():
    import pathlib, time
    pathlib.Path({str(tmp_path / "begun")!r}).touch()
    time.sleep(300)

@dsl.pipeline
def waiting():
    wait()

print(headrace.run(waiting).state)
"""
    thread = threading.Thread(target=interrupt)
    thread.start()
    (ran,) = kernel.execute(tmp_path, cell)
    thread.join()

    assert ran.printed.splitlines()[-1] == "interrupted"

"""Relative paths of a pipeline file: beside the file, else in the current directory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headrace.targets.local.runnable import load

PIPELINE = """
from kfp import dsl
from headrace_components.catalog import csv_example_gen, import_schema_gen, query_example_gen

@dsl.pipeline(name="inner")
def inner(place: str):
    csv_example_gen(input_base=place)

@dsl.pipeline(name="outer")
def outer(data: str = "data", elsewhere: str = "nowhere", url: str = "sqlite:///data/rows.db"):
    csv_example_gen(input_base=data)
    csv_example_gen(input_base="data")
    csv_example_gen(input_base=elsewhere)
    csv_example_gen(input_base="gs://bucket/data")
    inner(place=data)
    import_schema_gen(schema_file="data/schema.pbtxt")
    query_example_gen(url=url, query="SELECT 1")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    at = tmp_path / "a project"
    (at / "data").mkdir(parents=True)
    for name in ("rows.csv", "schema.pbtxt", "rows.db"):
        (at / "data" / name).touch()
    (at / "pipeline.py").write_text(PIPELINE)
    return at


def defaults(spec: Any) -> dict[str, Any]:
    declared = spec["root"]["inputDefinitions"]["parameters"]
    return {name: each["defaultValue"] for name, each in declared.items()}


def test_what_components_read_is_looked_for_beside_the_file(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()  # of another project
    monkeypatch.chdir(tmp_path)

    spec = load(f"{project / 'pipeline.py'}:outer").spec

    data = str(project / "data")
    assert defaults(spec) == {
        "data": data,
        "elsewhere": "nowhere",
        "url": f"sqlite:///{project / 'data/rows.db'}",
    }
    tasks = spec["root"]["dag"]["tasks"]
    constants = {
        name: source["runtimeValue"]["constant"]
        for task in tasks.values()
        for name, source in task["inputs"]["parameters"].items()
        if name in ("input_base", "schema_file") and "runtimeValue" in source
    }
    assert constants["schema_file"] == f"{data}/schema.pbtxt"
    texts = json.dumps(tasks)
    assert f'"{data}"' in texts
    assert '"gs://bucket/data"' in texts


def test_a_compiled_pipeline_keeps_the_paths_of_its_file(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "compiled.json"
    words = ["compile", f"{project / 'pipeline.py'}:outer", "--target", "local", "-o", str(file)]
    subprocess.run([sys.executable, "-m", "headrace.cli.main", *words], check=True)

    assert str(project) not in file.read_text("utf-8")
    assert defaults(load(file).spec)["data"] == "data"


@pytest.mark.slow
def test_a_project_runs_from_any_directory_and_a_path_on_the_command_line_starts_there(
    tmp_path: Path,
) -> None:
    headrace = Path(sys.executable).with_name("headrace")

    def run(*words: str) -> str:
        result = subprocess.run(
            [headrace, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout + result.stderr

    run("new", "fraud")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/few.csv").write_text("amount,fraud\n1.5,0\n2.5,1\n3.5,0\n4.5,1\n")
    pipeline = str(tmp_path / "fraud/pipeline.py")
    part = ("--to-nodes", "csv-example-gen", "--no-cache")

    run("run", pipeline, *part)
    run("run", pipeline, *part, "-p", "data=data")

    roots = sorted((tmp_path / "headrace_root/fraud").glob("2*"))
    logs = [(each / "logs/csv-example-gen.log").read_text("utf-8") for each in roots]
    sizes = [
        sum(file.stat().st_size for file in (each / "csv-example-gen/examples").rglob("*.gz"))
        for each in roots
    ]
    assert len(sizes) == 2, logs
    assert sizes[0] > 100 * sizes[1] > 0

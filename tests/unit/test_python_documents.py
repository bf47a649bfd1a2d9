"""docs/python.md: the component of the author's own that it shows runs as it says."""

import re
from pathlib import Path

import headrace

DOCUMENT = Path(__file__).parents[2] / "docs/python.md"
PROFILE = """
[kubeflow]
[images]
registry = "registry.example.com/headrace"
[images.digests]
csv_example_gen = "sha256:{digest}"
[images.components]
python_component = "registry.example.com/acme/steps@sha256:{digest}"
[images.tasks]
count-files-2 = "registry.example.com/acme/counting@sha256:{digest}"
"""


def blocks() -> list[str]:
    section = DOCUMENT.read_text("utf-8").partition("## Components of your own")[2]
    return re.findall(r"```python\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)


def test_the_component_of_the_authors_own_runs(tmp_path: Path) -> None:
    pipeline, module = blocks()
    (tmp_path / "pipeline.py").write_text(pipeline, "utf-8")
    (tmp_path / "counting.py").write_text(module, "utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text("a\n1\n2\n3\n", "utf-8")

    result = headrace.run(
        str(tmp_path / "pipeline.py"),
        parameters={"data": str(tmp_path / "data")},
        root=tmp_path / "root",
    )

    assert result.state == "succeeded", result.failures
    report = result.directory / "count-files/report/report.txt"
    assert float(report.read_text("utf-8")) > 0


def test_own_components_run_in_an_image_of_the_authors(tmp_path: Path) -> None:
    pipeline, module = blocks()
    (tmp_path / "pipeline.py").write_text(pipeline, "utf-8")
    (tmp_path / "counting.py").write_text(f"import no_such_package\n{module}", "utf-8")
    profile = tmp_path / "headrace.toml"
    profile.write_text(PROFILE.format(digest="0" * 64), "utf-8")

    spec = headrace.compile(str(tmp_path / "pipeline.py"), target="kubeflow", config=profile)

    executors = spec["deploymentSpec"]["executors"]
    images = {name: each["container"]["image"] for name, each in executors.items()}
    assert images["exec-count-files"].startswith("registry.example.com/acme/steps@")
    assert images["exec-count-files-2"].startswith("registry.example.com/acme/counting@")


def test_an_edit_of_the_code_or_of_what_it_imports_runs_the_task_again(tmp_path: Path) -> None:
    pipeline, module = blocks()
    pipeline = pipeline.replace(
        'name="count_files",', 'name="count_files",\n    reads_elsewhere=READS,'
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text("a\n1\n2\n3\n", "utf-8")

    def states(number: int, *, reads: bool = False) -> list[str]:
        (tmp_path / "pipeline.py").write_text(f"READS = {reads}\n{pipeline}", "utf-8")
        used = module.replace("factor=1.0):", "factor=1.0):\n    factor *= numbering.NUMBER")
        assert used != module
        (tmp_path / "counting.py").write_text(f"import numbering\n\n{used}", "utf-8")
        (tmp_path / "numbering.py").write_text(f"NUMBER = {number}\n", "utf-8")
        given = {"data": str(tmp_path / "data")}
        result = headrace.run(
            str(tmp_path / "pipeline.py"), parameters=given, root=tmp_path / "root"
        )
        return [task.state for task in result.tasks if task.name.startswith("count-files")]

    assert states(1) == ["done"]
    assert states(1) == ["cached"]
    assert states(2) == ["done"]
    assert states(2, reads=True) == states(2, reads=True) == ["done"]

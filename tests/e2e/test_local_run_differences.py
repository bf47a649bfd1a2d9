# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""`headrace diff` shows what changed between two runs on this machine."""

import json
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.cli.main import main
from headrace_components.artifacts import Schema
from headrace_components.library.user_code.module_pack import pack
from support.cases.local_pipelines import read, run_pipeline, step

_WRITE = "import pathlib, sys; d = pathlib.Path(sys.argv[1]); d.mkdir(); "


@dsl.container_component
def infer(text: str, schema: dsl.Output[Schema]):
    """Writes a schema."""
    code = f"{_WRITE}(d / 'schema.pbtxt').write_text(sys.argv[2])"
    return dsl.ContainerSpec(image="test", command=["python", "-c", code], args=[schema.path, text])


@dsl.pipeline(name="pair")
def pair(text: str = "x", schema: str = 'feature { name: "a" }'):
    first = step(name="first", value=text)
    read(name="second", item=first.outputs["out"])
    infer(text=schema)


@dsl.pipeline(name="pair")
def changed(text: str = "y", more: int = 3):
    first = step(name="renamed", value=text)
    step(name="third", value="z").after(first).set_display_name("third")
    infer(text="feature {}").set_caching_options(enable_caching=False)


@dsl.pipeline(name="importing")
def importing(uri: str):
    item = dsl.importer(artifact_uri=uri, artifact_class=dsl.Artifact)
    read(name="taken", item=item.output)


class Diff:
    """`headrace diff` over one root."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys

    def ran(self, pipeline: Any, **parameters: Any) -> str:
        """Returns the ID of a new run."""
        return run_pipeline(pipeline, self.root, **parameters).result.run_id

    def __call__(self, *words: str, code: int = 0) -> str:
        self._capsys.readouterr()
        assert main(["diff", *words, "--root", str(self.root)]) == code
        printed = self._capsys.readouterr()
        return printed.err if code else printed.out

    def parts(self, *words: str) -> Any:
        """Returns the parts that have changes."""
        found = json.loads(self(*words, "--json"))
        return {name: changes for name, changes in found.items() if changes and name != "runs"}


@pytest.fixture
def diff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Diff:
    (tmp_path / "journal.txt").touch()
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal.txt"))
    return Diff(tmp_path / "root", capsys)


def test_two_runs_of_the_same_differ_in_nothing(diff: Diff) -> None:
    one = diff.ran(pair)
    two = diff.ran(pair)

    assert diff.parts(one, two) == {}
    assert diff(one, two).endswith("\nNothing that is recorded of them differs.\n")
    assert diff.parts(one, one) == {}


def test_a_parameter_is_followed_to_the_tasks_that_it_reaches(diff: Diff) -> None:
    diff.ran(pair)
    diff.ran(pair, text="y")

    text = diff("latest")

    assert "Parameters\n  ~ text  x -> y\n" in text
    assert "Tasks\n  ~ step  value  x -> y\n" in text
    assert "Pipeline" not in text
    assert "read" not in text


def test_tasks_that_are_new_gone_or_otherwise_are_named(diff: Diff) -> None:
    one = diff.ran(pair)
    two = diff.ran(changed)

    lines = diff(one, two).splitlines()

    assert lines[0].startswith(f"- {one}  pair  succeeded")
    assert lines[1].startswith(f"+ {two}  pair  succeeded")
    pipeline = lines[lines.index("Pipeline") + 1 : lines.index("Parameters") - 1]
    assert "  ~ default  text  x -> y" in pipeline
    assert "  ~ default  more  nothing -> 3" in pipeline
    assert "  - read" in pipeline
    assert "  + step-2" in pipeline
    assert "  ~ step  name  first -> renamed" in pipeline
    assert "  ~ infer  text  the input schema -> feature {}" in pipeline
    assert any(line.startswith("  ~ infer  cache  ") for line in pipeline)
    parameters = lines[lines.index("Parameters") :]
    assert '  - schema  feature { name: "a" } -> nothing' in parameters
    assert "  + more  nothing -> 3" in parameters


def test_the_code_of_a_module_is_shown_line_by_line_and_once(diff: Diff) -> None:
    before = {"module.py": "import more\n\nRATE = 1\n", "more.py": "A = 1\n"}
    after = {"module.py": "import more\n\nRATE = 2\n", "more.py": "A = 1\n", "new.py": "B = 2\n"}
    one = diff.ran(pair, text=pack(before, "module.py"))
    two = diff.ran(pair, text=pack(after, "module.py"))

    code = diff.parts(one, two)["code"]

    assert [(change["kind"], change["what"]) for change in code] == [
        ("changed", "module.py (text)"),
        ("added", "new.py (text)"),
    ]
    assert code[0]["lines"][-2:] == ["-RATE = 1", "+RATE = 2"]
    text = diff(one, two)
    assert "  ~ module.py (text)  +1 -1 lines\n" in text
    assert "headrace-module:" not in text


def test_a_long_change_of_code_is_cut_unless_it_is_asked_for(diff: Diff) -> None:
    lines = "".join(f"A{index} = {index}\n" for index in range(40))
    one = diff.ran(pair, text=pack({"module.py": ""}, "module.py"))
    two = diff.ran(pair, text=pack({"module.py": lines}, "module.py"))

    assert "and 21 more lines: --whole shows them\n" in diff(one, two)
    assert "A39 = 39" not in diff(one, two)
    assert "+A39 = 39\n" in diff(one, two, "--whole")


def test_a_schema_is_compared_by_its_text(diff: Diff) -> None:
    diff.ran(pair)
    diff.ran(pair, schema='feature { name: "b" }')

    artifacts = diff.parts("latest")["artifacts"]

    (change,) = [each for each in artifacts if each["lines"]]
    assert change["what"] == "infer.schema schema.pbtxt"
    assert change["lines"][-2:] == ['-feature { name: "a" }', '+feature { name: "b" }']


def test_what_a_task_found_outside_of_the_run_is_compared_by_its_uri(
    diff: Diff, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name, "utf-8")
    diff.ran(importing, uri=str(tmp_path / "one"))
    diff.ran(importing, uri=str(tmp_path / "two"))

    (found,) = diff.parts("latest")["artifacts"]

    assert (found["what"], found["aspect"]) == ("importer.artifact", "uri")
    assert (found["before"], found["after"]) == ([str(tmp_path / "one")], [str(tmp_path / "two")])


def test_the_first_run_of_a_pipeline_has_none_before_it(diff: Diff) -> None:
    one = diff.ran(importing, uri=str(Path(__file__)))
    diff.ran(pair)

    assert f"{one!r} is the first run of the pipeline 'importing'" in diff(
        "importing/latest", code=2
    )


def test_a_run_that_failed_early_is_compared_as_far_as_it_went(diff: Diff, tmp_path: Path) -> None:
    diff.ran(importing, uri=str(Path(__file__)))
    diff.ran(importing, uri=str(tmp_path / "missing"))

    tasks = diff.parts("latest")["tasks"]

    assert {"what": "importer", "before": "done", "after": "failed"}.items() <= tasks[0].items()

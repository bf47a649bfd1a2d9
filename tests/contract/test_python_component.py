"""Contract of python_component: the author's functions, their artifacts, values and errors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headrace
from headrace.compilation.passes.module_files import collect
from headrace_components.artifacts import Examples
from headrace_components.authoring import artifact_type, python_component
from headrace_components.contract.errors import InputError
from headrace_components.contract.property_types import KEY
from headrace_components.library.user_code.module_pack import pack
from headrace_components.python_component.params import CODE
from support.launcher.entry_points import Launcher, Outcome, Rules, Stored, TaskFailedError

FIXTURES = Path(__file__).parents[1] / "fixtures/own_components"
COMMAND = ["python", "-m", "headrace_components.python_component", "--executor_input", "{{$}}"]

Report = artifact_type("FileReport", {"num_files": int, "columns": dict})
COUNT_FILES = python_component(
    name="count_files",
    code="counting.py:count_files",
    inputs={"rows": Examples},
    outputs={"report": Report, "total": int, "share": float, "names": list, "raw": bytes},
    parameters={"limit": int, "factor": 2.0, "note": str | None},
)
LOOK = python_component(
    name="look",
    code="counting.py:look",
    inputs={"report": Report, "total": int, "raw": bytes},
    outputs={"seen": artifact_type("Seen"), "agrees": bool, "note": str, "type": str},
)


def packed(name: str) -> str:
    sources = collect(FIXTURES / name, "test", FIXTURES)
    return pack(sources.files, sources.entry)


def run(
    launcher: Launcher, component: Any, parameters: dict[str, Any], **inputs: Stored
) -> Outcome:
    """Runs the component like a compiled pipeline, whose module files are packed."""
    spec = component.component_spec
    file = spec.inputs[CODE].default
    values = {**({CODE: packed(file)} if file else {}), **parameters}
    return launcher.run_command("python_component", spec, COMMAND, values, None, **inputs)


def rows(launcher: Launcher, scratch: Path, number: int = 3) -> Stored:
    (scratch / "rows/Split-train").mkdir(parents=True)
    for each in range(number):
        (scratch / f"rows/Split-train/part-{each}").write_text("row", "utf-8")
    return launcher.store(scratch / "rows", {"split_names": '["train"]', "span": 4})


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    outcome = run(launcher, COUNT_FILES, {"limit": 6}, rows=rows(launcher, tmp_path))
    assert outcome.parameters["total"] == 3
    return outcome


@pytest.mark.parametrize("rules", ["kfp-2.17", "kfp-next", "vertex"])
def test_what_a_function_sets_reaches_the_next_one_under_each_backends_rules(
    rules: Rules, tmp_path: Path
) -> None:
    fresh = rules == "kfp-2.17"
    launcher = Launcher(root=tmp_path / "l", rules=rules, subprocess=fresh, forked=not fresh)

    counted = smallest_task(launcher, tmp_path)
    values = {name: counted.parameters[name] for name in ("total", "raw")}
    looked = run(launcher, LOOK, values, report=counted["report"])

    assert json.loads((counted["report"].path / "report.json").read_text("utf-8")) == {"files": 3}
    assert counted["report"].metadata["num_files"] == 3
    assert counted.parameters["share"] == 1.0
    assert counted.parameters["names"] == ["a", "b"]
    assert looked.parameters == {"agrees": True, "note": "none", "type": "FileReport 1.0"}
    assert json.loads(looked["seen"].metadata["columns"]) == ["a", "b"]
    assert json.loads(looked["seen"].metadata[KEY]) == {"custom:columns": "STRUCT"}


def one_value(code: str, name: str) -> Callable[[Launcher, Path], str]:
    component = python_component(
        name="own",
        code=code,
        inputs={name: int if name == "total" else Examples},
        outputs={"names": str},
    )

    def failed(launcher: Launcher, scratch: Path) -> str:
        given: Any = {"total": 3} if name == "total" else {}
        stored: Any = {} if name == "total" else {"rows": rows(launcher, scratch)}
        with pytest.raises(TaskFailedError) as caught:
            run(launcher, component, given, **stored)
        return str(caught.value)

    return failed


def test_a_function_of_tfx_may_set_the_value_of_an_artifact(tmp_path: Path) -> None:
    launcher = Launcher(root=tmp_path / "l", rules="kfp-2.17", forked=True)
    component = python_component(
        name="note",
        code="values_as_artifacts.py:Note",
        inputs={"text": str},
        outputs={"note": str, "size": int},
    )
    outcome = run(launcher, component, {"text": "abc"})
    assert outcome.parameters == {"note": "abc!", "size": 3}


@pytest.mark.parametrize(
    ("code", "port", "message"),
    [
        (
            "counting.py:forgetful",
            "total",
            r"returned {'other': 1}, expected a dict with the values",
        ),
        ("counting.py:broken", "rows", "broken raised AttributeError at counting.py, line 41"),
        ("counting.py:NoExecutor", "rows", "expected a function, a component, or an executor"),
        ("counting.py:look", "rows", "look (counting.py, line 25) has no argument 'rows'"),
        ("counting.py:broken", "total", "broken (counting.py, line 40) has no argument 'total'"),
        ("counting.py:NUMBER", "rows", "'NUMBER' in counting.py is of type int"),
        ("counting.py:nothing", "rows", "counting.py has no function 'nothing'"),
    ],
)
def test_a_mistake_in_the_code_is_told_with_file_and_line(
    code: str, port: str, message: str, launcher: Launcher, tmp_path: Path
) -> None:
    found = one_value(code, port)(launcher, tmp_path)

    assert message in found
    assert "python_component: " in found


def test_code_by_dotted_path_is_imported(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "installed/own_package"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "doubling.py").write_text("def double(n):\n    return {'twice': 2 * n}\n", "utf-8")
    monkeypatch.syspath_prepend(str(folder.parent))
    component = python_component(
        name="double", code="own_package.doubling.double", inputs={"n": int}, outputs={"twice": int}
    )

    assert run(launcher, component, {"n": 21}).parameters == {"twice": 42}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"code": "counting"}, "the code is 'counting', expected 'FILE.py:NAME'"),
        ({"code": "counting:count"}, "expected 'FILE.py:NAME'"),
        ({"inputs": {"rows": set}}, r"own: `rows` has the type <class 'set'>, expected a class of"),
        ({"inputs": {"a b": int}}, "`a b` is not a name that Python takes"),
        ({"inputs": {"n": int}, "parameters": {"n": 1}}, r"\['n'\] are the names of two inputs"),
        ({"outputs": {"headrace_code": int}}, r"\['headrace_code'\] are the names of two"),
        ({"parameters": {"n": object()}}, "the parameter `n` is <object"),
    ],
)
def test_a_declaration_that_no_task_could_honour_is_refused(
    arguments: dict[str, Any], message: str
) -> None:
    given = {"name": "own", "code": "counting.py:count_files", **arguments}

    with pytest.raises(InputError, match=message):
        python_component(**given)


def test_names_of_tfx_are_its_types_and_others_are_new_ones() -> None:
    assert artifact_type("Examples") is Examples
    own = artifact_type("Own")
    assert (own.schema_title, own.tfx_title) == ("system.tfx_Own", "tfx.Own")
    with pytest.raises(InputError, match="called 'My Type', expected a name of letters"):
        artifact_type("My Type")
    with pytest.raises(InputError, match="a type of TFX, which has its own properties"):
        artifact_type("Model", {"size": int})
    with pytest.raises(InputError, match=r"the properties {'size': <class 'set'>} have"):
        artifact_type("Own", {"size": set})


PIPELINE = """
from kfp import dsl
from headrace_components.artifacts import Examples
from headrace_components.authoring import artifact_type, python_component
from headrace_components.catalog import csv_example_gen

own = python_component(
    name="own",
    code={code!r},
    inputs={{"rows": Examples}},
    outputs={{"report": artifact_type("Report"), "total": int}},
    parameters={{"limit": int}},
)

@dsl.pipeline(name="p")
def p():
    own(rows=csv_example_gen(input_base="data").outputs["examples"], limit=3)
"""


@pytest.mark.parametrize(
    ("code", "source", "message"),
    [
        (
            "own.py:own",
            "def own(rows, report): ...",
            "own (own.py, line 1) has no argument 'limit'",
        ),
        (
            "own.py:own",
            "def own(rows, report, limits): ...",
            "has no argument 'limit', expected one for each port ['rows', 'report', 'limit']. Did "
            "you mean 'limits'?",
        ),
        (
            "own.py:own",
            "def own(rows, report, limit, *, other): ...",
            "needs the arguments ['other'], which are no ports of the component",
        ),
        (
            "own.py:own",
            "def own(rows, report, limit, total): ...",
            "needs the arguments ['total'], which are no ports of the component",
        ),
        ("own.py:owned", "def own(): ...", "own.py has no function 'owned'; it defines ['own']"),
        (
            "owned.py:own",
            "def own(): ...",
            "owned.py', which is not a file. Give a path",
        ),
        ("own.py:own", "def own(:", "own.py:1: invalid syntax: 'def own(:'"),
        ("own.py:own", "import no_such\n\ndef own(**ports): ...", "'no_such' (own.py, line 1)"),
        (
            "acme.steps.own",
            "",
            "`headrace_object` is 'acme.steps.own', but the image of",
        ),
    ],
)
def test_a_mistake_is_told_before_anything_runs(
    code: str, source: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(source, "utf-8")
    (tmp_path / "pipeline.py").write_text(PIPELINE.format(code=code), "utf-8")
    profile = Path(__file__).parents[2] / "examples/headrace.toml"

    with pytest.raises(headrace.CompileError) as caught:
        headrace.compile(str(tmp_path / "pipeline.py"), target="vertex", config=profile)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "parameters", "seen"),
    [
        ("Wait", {"kept": '"3s"', "text": '"4s"'}, '3 "4s"'),
        ("Wait", {"kept": '"3s"', "text": {"of": "the run"}}, '3 {"of": "the run"}'),
        ("Sleep", {"time": '"5s"'}, "Duration 5"),
    ],
)
def test_a_message_comes_as_text_or_as_a_message_where_the_code_says_so(
    name: str, parameters: dict[str, Any], seen: str, launcher: Launcher
) -> None:
    component = python_component(
        name="own",
        code=f"messages.py:{name}",
        outputs={"seen": str},
        parameters={key: type(value) for key, value in parameters.items()},
    )

    assert run(launcher, component, parameters).parameters == {"seen": seen}

"""Errors of editors and type checkers in pipelines and scripts of authors."""

import ast
import inspect
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from kfp.dsl.pipeline_task import PipelineTask
from mypy import api

import headrace

REPOSITORY = Path(__file__).parents[2]
CASES = REPOSITORY / "tests/fixtures/typed_pipelines"
EXAMPLES = sorted((REPOSITORY / "examples").glob("*/pipeline.py"))
ACCEPTED = [*EXAMPLES, *sorted(CASES.glob("accepted_*.py"))]
REFUSED = sorted(CASES.glob("refused_*.py"))
STUB = REPOSITORY / "components/headrace_components/typed/kfp_for_mypy.pyi"

# An author's settings: kfp has no types, so mypy asks for this.
CONFIG = """
[mypy]
strict_equality = true
mypy_path = {paths}
explicit_package_bases = true
[mypy-kfp.*]
ignore_missing_imports = true
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Path, Mapping[int, str]]:
    """Returns mypy's errors by file and line."""
    directory = tmp_path_factory.mktemp("mypy")
    config = directory / "mypy.ini"
    config.write_text(CONFIG.format(paths=f"{REPOSITORY / 'examples'}:{CASES.parent}"), "utf-8")
    options = ["--config-file", str(config), "--cache-dir", str(directory / "cache")]
    printed, failure, _ = api.run(
        [*options, "--show-absolute-path", *map(str, [*ACCEPTED, *REFUSED])]
    )
    assert not failure
    errors: dict[Path, dict[int, str]] = {}
    for path, line, text in re.findall(r"^(.*):(\d+): error: (.*)$", printed, re.MULTILINE):
        errors.setdefault(Path(path), {})[int(line)] = text
    return errors


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_pipeline_that_compiles_has_no_type_errors(
    found: Mapping[Path, Mapping[int, str]], path: Path
) -> None:
    assert found.get(path, {}) == {}


@pytest.mark.parametrize("path", sorted(CASES.glob("accepted_*.py")), ids=lambda path: path.name)
def test_what_has_no_type_errors_compiles(path: Path) -> None:
    assert headrace.compile(path, target="local", config=headrace.Profile())


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.name)
def test_a_mistake_is_a_type_error_at_its_line(
    found: Mapping[Path, Mapping[int, str]], path: Path
) -> None:
    errors = dict(found.get(path, {}))

    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        code, _, expected = line.partition("  # ")
        if code and expected:
            # For an unknown argument, mypy reports the call's first line.
            at = max((each for each in errors if each <= number), default=0)
            assert expected in errors.pop(at, ""), f"{path.name}:{number}"
    assert errors == {}


def test_tasks_have_for_mypy_what_kfp_has() -> None:
    module = ast.parse(STUB.read_text("utf-8"))
    (stub,) = (each for each in module.body if getattr(each, "name", "") == "PipelineTask")
    assert isinstance(stub, ast.ClassDef)
    declared = {
        each.name: [argument.arg for argument in each.args.args]
        + ([each.args.vararg.arg] if each.args.vararg else [])
        for each in stub.body
        if isinstance(each, ast.FunctionDef) and not each.decorator_list
    }

    chained = {
        name: list(inspect.signature(method).parameters)
        for name, method in inspect.getmembers(PipelineTask, inspect.isfunction)
        if inspect.signature(method).return_annotation == "PipelineTask"
    }
    assert declared == chained

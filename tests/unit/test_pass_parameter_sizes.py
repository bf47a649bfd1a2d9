"""Parameters are limited to the sizes that a target can pass to a task."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False

from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.targets.local.execution.long_arguments import startable
from headrace.targets.remote.ordering import order_of
from headrace_components.catalog import csv_example_gen, trainer
from headrace_components.contract.errors import InputError
from support.cases.conformance_features import PROFILE

LARGE = {"words": ["x" * 1000] * 200}
QUOTED = {"words": [""] * 27_000}


def pipeline(config: Any) -> Any:
    @dsl.pipeline(name="large")
    def large() -> None:
        examples = csv_example_gen(input_base="gs://bucket/data").outputs["examples"]
        trainer(examples=examples, module_file="gs://bucket/m.py", custom_config=config)

    return large


@dsl.pipeline(name="inner")
def inner(config: dict) -> None:
    examples = csv_example_gen(input_base="gs://bucket/data").outputs["examples"]
    trainer(examples=examples, module_file="gs://bucket/m.py", custom_config=config)


@dsl.pipeline(name="defaults")
def defaults(config: dict = LARGE) -> None:
    inner(config=config)


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
@pytest.mark.parametrize("source", [pipeline(LARGE), defaults])
def test_a_parameter_that_no_process_takes_is_refused(target: str, source: Any) -> None:
    words = (
        r"trainer`: its parameters take 20\d,\d{3} bytes as JSON, of which `custom_config` takes "
        rf"20\d,\d{{3}}, but {target} starts a task with at most 114,688: .* Put the value into a "
        "file"
    )

    with pytest.raises(CompileError, match=words):
        compile_for(load(source), target, PROFILE)
    compile_for(load(source), "local", PROFILE)


def test_quotes_count_as_argo_escapes_them() -> None:
    compile_for(load(pipeline(QUOTED)), "vertex", PROFILE)
    with pytest.raises(CompileError, match=r"with their quotes escaped twice, as Argo holds them"):
        compile_for(load(pipeline(QUOTED)), "kubeflow", PROFILE)


def test_a_pipeline_that_is_no_object_of_kubernetes_is_refused() -> None:
    @dsl.pipeline(name="many")
    def many() -> None:
        for _ in range(6):  # the task before each gets the same parameters
            csv_example_gen(input_base="x" * 100_000)

    with pytest.raises(CompileError, match=r"^many: the pipeline takes 1,2\d\d,\d{3} bytes, but"):
        compile_for(load(many), "kubeflow", PROFILE)


SUBMITTED = """
from kfp import dsl
from headrace_components.catalog import csv_example_gen

@dsl.pipeline(name="submitted")
def submitted(base: str = "x"):
    csv_example_gen(input_base=base)
"""


def test_parameters_of_a_run_are_held_to_kubeflows_own_limit(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text(SUBMITTED, "utf-8")
    file, long = str(tmp_path / "pipeline.py"), f"base={'x' * 10_000}"

    with pytest.raises(CompileError, match=r"take 10,012 characters .* `base` takes 10,002, but K"):
        order_of(file, "kubeflow", PROFILE, [long])
    order_of(file, "vertex", PROFILE, [long])
    with pytest.raises(CompileError, match=r"task `csv-example-gen`: its parameters take"):
        order_of(file, "vertex", PROFILE, [f"base={'x' * 120_000}"])


def test_what_is_too_long_for_an_argument_goes_into_a_file(tmp_path: Path) -> None:
    file, text = tmp_path / "input.json", "ü" * 70_000

    found = startable(["--x", text], task="t", file=file, reads_files=True)

    assert found == ["--x", f"@{file}"]
    assert file.read_text("utf-8") == text
    with pytest.raises(InputError, match=r"^t: an argument of its command has 140,000 bytes"):
        startable(["--x", text], task="t", file=file, reads_files=False)

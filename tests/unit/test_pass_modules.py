"""Modules: the compiler replaces every path for a `module_file` by the code at the path."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.compilation.passes.defaults import apply_defaults
from headrace.compilation.passes.modules import (
    apply_modules,
    module_parameters,
    pack_module,
    pack_parameters,
)
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.target_registry import TARGETS
from headrace_components.library.user_code.module_pack import is_packed, unpack


@dsl.container_component
def train(module_file: str = "", steps: int = 1) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image="headrace.invalid/trainer", command=["python", "-m", "headrace_components.trainer"]
    )


@dsl.container_component
def other(module_file: str = "") -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="python:3.12", command=["cat"], args=[module_file])


@dsl.pipeline(name="inner")
def inner(path: str) -> None:
    with dsl.If(path != "none"):
        train(module_file=path)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text(
        "import math\nimport helpers\n\ndef run_fn(args): ...\n", "utf-8"
    )
    (tmp_path / "b.py").write_text("def run_fn(args): ...\n", "utf-8")
    (tmp_path / "helpers.py").write_text("from b import run_fn\n", "utf-8")
    (tmp_path / "unused.py").write_text("X = 1\n", "utf-8")
    return tmp_path


def compiled(
    pipeline: Callable[..., Any], directory: Path, target: str = "local"
) -> dict[str, Any]:
    return apply_modules(
        apply_defaults(load(pipeline).spec, target_named(target)), target_named(target), directory
    )


def value_of(spec: dict[str, Any], label: str) -> Any:
    (node,) = [node for node in specs.tasks(spec) if node.label == label]
    return specs.constant(specs.parameter_inputs(node.task)["module_file"])


def files_of(text: str) -> tuple[str, list[str]]:
    entry, files = unpack(text)
    return entry, sorted(files)


def test_a_module_travels_with_the_siblings_it_imports(directory: Path) -> None:
    @dsl.pipeline(name="p")
    def pipeline() -> None:
        train(module_file="a.py")

    packed = value_of(compiled(pipeline, directory), "train")

    assert files_of(packed) == ("a.py", ["a.py", "b.py", "helpers.py"])
    assert packed == value_of(compiled(pipeline, directory), "train")


def test_what_is_no_local_path_stays(directory: Path) -> None:
    @dsl.pipeline(name="p")
    def pipeline() -> None:
        train(module_file="gs://bucket/a.py")
        train()
        other(module_file="a.py")

    spec = compiled(pipeline, directory, "vertex")

    assert value_of(spec, "train") == "gs://bucket/a.py"
    assert value_of(spec, "train-2") == ""
    assert value_of(spec, "other") == "a.py"


def test_the_default_of_a_run_parameter_is_packed_wherever_it_ends_up(directory: Path) -> None:
    @dsl.pipeline(name="p")
    def pipeline(module: str = "b.py", unrelated: str = "a.py") -> None:
        inner(path=module)
        other(module_file=unrelated)

    spec = compiled(pipeline, directory)
    parameters = spec["root"]["inputDefinitions"]["parameters"]

    assert files_of(parameters["module"]["defaultValue"]) == ("b.py", ["b.py"])
    assert parameters["unrelated"]["defaultValue"] == "a.py"
    assert module_parameters(spec) == {"module"}


def test_a_constant_that_goes_through_a_sub_pipeline_is_packed(directory: Path) -> None:
    @dsl.pipeline(name="p")
    def pipeline() -> None:
        inner(path="b.py")

    spec = compiled(pipeline, directory)

    source = spec["root"]["dag"]["tasks"]["inner"]["inputs"]["parameters"]["path"]
    assert files_of(source["runtimeValue"]["constant"]) == ("b.py", ["b.py"])


def test_modules_that_are_looped_over_are_packed(directory: Path) -> None:
    @dsl.pipeline(name="p")
    def pipeline(paths: list = ["a.py", "b.py"]) -> None:  # type: ignore[type-arg]
        with dsl.ParallelFor(["b.py", "gs://bucket/c.py"]) as item:
            train(module_file=item)
        with dsl.ParallelFor(paths) as item:
            train(module_file=item)

    spec = compiled(pipeline, directory)
    raw = spec["root"]["dag"]["tasks"]["for-loop-2"]["parameterIterator"]["items"]["raw"]
    default = spec["root"]["inputDefinitions"]["parameters"]["paths"]["defaultValue"]

    assert "headrace-module:v1:b.py" in raw
    assert "gs://bucket/c.py" in raw
    assert [files_of(item)[0] for item in default] == ["a.py", "b.py"]
    assert module_parameters(spec) == {"paths"}


def test_a_module_in_a_field_of_a_loop_item_is_refused(directory: Path) -> None:
    @dsl.pipeline(name="p")
    def pipeline() -> None:
        with dsl.ParallelFor([{"path": "a.py"}, {"path": "b.py"}]) as item:
            train(module_file=item.path)

    with pytest.raises(CompileError, match=r"`for-loop-2/train`: `module_file` is a field of a"):
        compiled(pipeline, directory)


def test_values_given_at_run_time_are_packed_alike(directory: Path) -> None:
    @dsl.pipeline(name="p")
    def pipeline(module: str, unrelated: str) -> None:
        inner(path=module)
        other(module_file=unrelated)

    spec = compiled(pipeline, directory)
    values = pack_parameters(
        spec, {"module": "b.py", "unrelated": "b.py"}, target_named("local"), directory
    )

    assert is_packed(values["module"])
    assert values["unrelated"] == "b.py"
    with pytest.raises(CompileError, match=r"parameter `module`: .*gone.py.* in the working dir"):
        pack_parameters(spec, {"module": "gone.py"}, target_named("local"), directory)


def test_a_missing_module_is_named_with_its_task(directory: Path) -> None:
    with pytest.raises(
        CompileError, match=r"^task `t`: .*gone.py', which is not a file. Give a path"
    ):
        pack_module("gone.py", "task `t`", target_named("local"), directory)


def test_a_syntax_error_is_found_when_compiling(directory: Path) -> None:
    (directory / "broken.py").write_text("x = 1\ndef run_fn(:\n", "utf-8")

    with pytest.raises(CompileError, match=r"^task `t`: .*broken.py:2: .*'def run_fn\(:'"):
        pack_module("broken.py", "task `t`", target_named("local"), directory)


def test_a_module_that_is_not_utf8_is_refused(directory: Path) -> None:
    (directory / "latin.py").write_bytes(b"NAME = '\xe9'\n")

    with pytest.raises(CompileError, match=r"latin.py' is not UTF-8: .* Save it as UTF-8"):
        pack_module("latin.py", "task `t`", target_named("local"), directory)


@pytest.mark.parametrize(
    "imports",
    [
        "from tfx.examples.birds.base import Bird",
        "from tfx.examples.birds.utils.base import Bird",
        "from tfx.examples.birds import base, absent",
        "import tfx.examples.birds.base as birds",
        "from tfx.experimental.templates.birds.models import base",
    ],
)
def test_a_sibling_that_is_named_as_in_tfx_travels_with_what_it_imports(
    tmp_path: Path, imports: str
) -> None:
    source = f"from tfx import v1 as tfx\nfrom tfx.utils import io_utils\n{imports}\n"
    (tmp_path / "module.py").write_text(source)
    (tmp_path / "base.py").write_text("import names\n")
    for name in ("names", "birds", "io_utils", "v1"):
        (tmp_path / f"{name}.py").write_text("")

    packed = pack_module("module.py", "task `t`", target_named("local"), tmp_path)

    assert files_of(packed) == ("module.py", ["base.py", "module.py", "names.py"])


def test_a_module_too_long_for_a_parameter_of_a_run_is_refused(directory: Path) -> None:
    noise = random.Random(0).randbytes(8_000).hex()
    (directory / "long.py").write_text(f"DATA = '{noise}'\n", "utf-8")

    assert is_packed(pack_module("long.py", "task `t`", target_named("local"), directory))
    for target in ("kubeflow", "vertex"):
        assert is_packed(pack_module("long.py", "task `t`", target_named(target), directory))
        with pytest.raises(CompileError, match=r"take \d+ characters .* at most 10000 .*gs:// or"):
            pack_module(
                "long.py", "parameter `m`", target_named(target), directory, is_run_parameter=True
            )


def test_a_path_that_a_run_makes_of_parts_is_refused(directory: Path) -> None:
    @dsl.pipeline(name="p")
    def of_a_name(name: str) -> None:
        train(module_file=f"models/{name}.py")

    @dsl.pipeline(name="p")
    def of_a_default(folder: str = "models") -> None:
        train(module_file=f"{folder}/a.py")

    @dsl.pipeline(name="p")
    def of_a_uri(bucket: str, folder: str = "gs://other") -> None:
        train(module_file=f"gs://{bucket}/a.py")
        train(module_file=f"{folder}/a.py")
        train(module_file=f"{bucket}/a.py")

    @dsl.pipeline(name="p")
    def of_a_place(name: str) -> None:
        train(module_file=f"/opt/{name}.py")

    for pipeline in (of_a_name, of_a_default):
        for target in TARGETS:
            with pytest.raises(CompileError, match=r"`train`: `module_file` is a path that only"):
                compiled(pipeline, directory, target)
    assert "gs://" in value_of(compiled(of_a_uri, directory, "vertex"), "train")
    assert "{{$" in value_of(compiled(of_a_place, directory, "local"), "train")
    with pytest.raises(CompileError, match=r"that only the run knows, '/opt/\{name\}.py', so"):
        compiled(of_a_place, directory, "kubeflow")

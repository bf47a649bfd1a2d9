"""What docs/beam.md says is what the components have."""

import ast
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from headrace.compiler import compile_for
from headrace.frontend import load
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.profiles.vertex import Vertex
from headrace_components import catalog
from headrace_components.beam.options import BeamOptions

PAGE = Path(__file__).parents[2] / "docs/beam.md"

PROFILE = Profile(
    images=Images(
        registry="europe-west1-docker.pkg.dev/my-project/headrace",
        digests={
            name: f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in catalog.__all__
        },
    ),
    vertex=Vertex(pipeline_root="gs://my-bucket/headrace"),
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_the_table_names_all_components_that_take_the_parameter() -> None:
    table, *_ = PAGE.read_text("utf-8").partition("The other components")
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))))
    specs = {name: getattr(catalog, name).component_spec for name in catalog.__all__}
    taking = {name for name, spec in specs.items() if "beam_pipeline_args" in (spec.inputs or {})}
    assert named - {"beam_pipeline_args"} == taking


def test_the_documented_pipeline_compiles(tmp_path: Path) -> None:
    (pipeline,) = (block for block in blocks("python") if "dsl.pipeline" in block)
    path = tmp_path / "pipeline.py"
    path.write_text(pipeline, "utf-8")

    text = compile_for(load(path), "vertex", PROFILE).text

    for name in ("csv_example_gen", "statistics_gen", "transform", "evaluator"):
        assert f"/{name}:1.0" in text
    names: dict[str, Any] = {}
    exec(pipeline, names)
    assert BeamOptions("test", names["dataflow"]("transform", 2)).is_remote


@pytest.mark.parametrize("name", ["BEAM", "FLINK", "SPARK"])
def test_documented_options_are_those_of_beam(name: str) -> None:
    found = [block for block in blocks("python") if re.search(rf"^{name} = ", block, re.MULTILINE)]
    assert found
    for block in found:
        for statement in ast.parse(block).body:
            if isinstance(statement, ast.Assign):
                args = ast.literal_eval(statement.value)
                assert BeamOptions("test", args).is_remote == (name != "BEAM")

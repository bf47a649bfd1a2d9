"""Searches in earlier runs name tasks as the target names their directories."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.profiles.profile import read_profile
from headrace_components import catalog

PROFILE = Path(__file__).parents[2] / "examples/headrace.toml"


@dsl.pipeline(name="p", pipeline_root="gs://runs")
def searching(data: str) -> None:
    rows = catalog.csv_example_gen(input_base=data).set_display_name("Rows.mnist")
    catalog.csv_example_gen(input_base=data).set_display_name("Rows")
    catalog.latest_artifact(
        producer="Rows",
        output="examples",
        alternatives=["Rows.mnist/examples", "csv-example-gen/examples"],
        together_with=[["Rows/examples", "elsewhere/model"]],
    ).after(rows)
    catalog.latest_blessed_model(blessings=["Rows"], models=["Rows.mnist/examples"])


@pytest.mark.parametrize(
    ("target", "rows", "digits"),
    [
        ("local", "Rows", "Rows.mnist"),
        ("kubeflow", "csv-example-gen-2", "csv-example-gen"),
        ("vertex", "csv-example-gen-2", "csv-example-gen"),
    ],
)
def test_a_display_name_becomes_the_key_where_directories_have_it(
    target: str, rows: str, digits: str
) -> None:
    spec = compile_for(load(searching), target, read_profile(PROFILE)).spec

    assert constants(spec, "latest-artifact") == {
        "producer": rows,
        "output": "examples",
        "alternatives": [f"{digits}/examples", "csv-example-gen/examples"],
        "together_with": [[f"{rows}/examples", "elsewhere/model"]],
    }
    assert constants(spec, "latest-blessed-model") == {
        "blessings": [rows],
        "models": [f"{digits}/examples"],
    }


def constants(spec: Mapping[str, Any], task: str) -> dict[str, Any]:
    given = spec["root"]["dag"]["tasks"][task]["inputs"]["parameters"]
    named = ("producer", "output", "alternatives", "together_with", "blessings", "models")
    return {name: given[name]["runtimeValue"]["constant"] for name in named if name in given}

"""Runs the pipeline as it is, and looks at what came out."""

import shutil
from pathlib import Path

import pytest

import headrace

PROJECT = Path(__file__).parents[1]


def test_the_pipeline_trains_a_good_model_and_pushes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(PROJECT / "data", tmp_path / "data")
    monkeypatch.setenv("MY_PROJECT_PLACE", str(tmp_path))

    result = headrace.run(str(PROJECT / "pipeline.py"))

    assert result.state == "succeeded", result.failures
    assert result.pushed_models, (
        f"The model is not good enough. See {result.logs / 'Evaluator.log'}"
    )


def test_the_pipeline_compiles() -> None:
    compiled = headrace.compile(str(PROJECT / "pipeline.py"), target="local")

    assert "trainer" in compiled["root"]["dag"]["tasks"]

"""Runs the pipeline as it is, and looks at what came out."""

from pathlib import Path

import headrace

PROJECT = Path(__file__).parents[1]


def test_the_pipeline_trains_a_good_model_and_pushes_it(tmp_path: Path) -> None:
    result = headrace.run(
        str(PROJECT / "pipeline.py"),
        parameters={"data": str(PROJECT / "data"), "serving_dir": str(tmp_path / "serving")},
        root=tmp_path / "root",
    )

    assert result.state == "succeeded", result.failures
    assert result.pushed_models, (
        f"The model is not good enough. See {result.logs / 'evaluator.log'}"
    )


def test_the_pipeline_compiles() -> None:
    compiled = headrace.compile(str(PROJECT / "pipeline.py"), target="local")

    assert "trainer" in compiled["root"]["dag"]["tasks"]

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False
"""A model is converted for browsers in a separate environment, and pushed."""

from pathlib import Path

import numpy as np
import pytest
from kfp import dsl

import headrace
from headrace_components.artifacts import Model
from headrace_components.catalog import pusher, tfjs_converter
from support.cases.saved_models import save_model
from support.programs.tfjs import predict

pytestmark = pytest.mark.slow


@dsl.pipeline(name="browser-model")
def browser_model(model_dir: str, web_dir: str):
    model = dsl.importer(artifact_uri=model_dir, artifact_class=Model).output
    converted = tfjs_converter(model=model, signature_name="raw")
    pusher(model=converted.outputs["converted_model"], base_directory=web_dir)


def run(tmp_path: Path) -> dict[str, str]:
    result = headrace.run(
        browser_model,
        parameters={"model_dir": str(tmp_path / "model"), "web_dir": str(tmp_path / "web")},
        root=tmp_path / "root",
    )
    assert result.state == "succeeded", result.failures
    return {task.name: task.state for task in result.tasks}


def test_a_pushed_model_predicts_in_node(tmp_path: Path) -> None:
    save_model(tmp_path / "model")

    assert run(tmp_path) == {"importer": "done", "tfjs-converter": "done", "pusher": "done"}
    assert run(tmp_path) == {"importer": "done", "tfjs-converter": "cached", "pusher": "cached"}

    (version,) = (tmp_path / "web").iterdir()
    hours = np.array([[1.5], [-4.0]], np.float32)
    assert predict(version, {"hour": hours}) == [[3.0], [-8.0]]

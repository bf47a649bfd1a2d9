# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False
"""One pipeline under every runner: the same results."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from kfp import dsl

import headrace
from headrace.backends.local.runners.runner import RunnerName
from headrace_components.artifacts import Model
from headrace_components.catalog import pusher

pytestmark = pytest.mark.slow


@dsl.pipeline(name="push")
def push(model: str, serving: str):
    imported = dsl.importer(artifact_uri=model, artifact_class=Model, reimport=False)
    pusher(model=imported.output, base_directory=serving)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model/Format-Serving"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables/variables.index").write_bytes(b"weights")
    return folder.parent


def files(directory: Path) -> dict[str, bytes]:
    """Returns the content of all files under a directory, by path."""
    found = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


def result_of(runner: RunnerName, model: Path, directory: Path) -> dict[str, Any]:
    """Runs the pipeline; returns what a runner must not make a difference to."""
    serving = directory / "serving"
    serving.mkdir(parents=True)
    run = headrace.run(
        push,
        parameters={"model": str(model), "serving": str(serving)},
        root=directory / "root",
        runner=runner,
    )
    assert run.state == "succeeded", run.failures
    (task,) = [task for task in run.tasks if task.name == "pusher"]
    (artifact,) = task.artifacts["pushed_model"]
    version = Path(str(artifact.metadata["pushed_destination"]))
    assert version.parent == serving
    return {
        "states": {task.name: task.state for task in run.tasks},
        "artifact": files(Path(artifact.uri)),
        "pushed": files(version),
        "metadata": json.dumps(sorted(artifact.metadata)),
        "again": {
            task.name: task.state
            for task in headrace.run(
                push,
                parameters={"model": str(model), "serving": str(serving)},
                root=directory / "root",
                runner=runner,
            ).tasks
        },
    }


def test_every_runner_gives_the_same_results(model: Path, tmp_path: Path) -> None:
    results = {
        runner: result_of(runner, model, tmp_path / runner) for runner in get_args(RunnerName)
    }

    expected = results["worker"]
    assert expected["pushed"] == files(model / "Format-Serving")
    assert expected["again"] == {"importer": "done", "pusher": "cached"}
    for runner, result in results.items():
        assert result == expected, runner

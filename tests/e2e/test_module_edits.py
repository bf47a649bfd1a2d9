"""Which tasks run again after an edit of a module that they share."""

from pathlib import Path

import pytest

import headrace
from headrace.targets.local.shared.results import RunResult
from support.cases.edit_loop import edit, write_project


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


def states(result: RunResult) -> dict[str, str]:
    assert result.state == "succeeded"
    return {task.name: task.state for task in result.tasks}


def run(pipeline: Path, root: Path, **parameters: object) -> RunResult:
    return headrace.run(pipeline, root=root, parameters=parameters)


def test_an_edit_of_one_function_runs_no_task_that_does_not_reach_it(
    pipeline: Path, tmp_path: Path
) -> None:
    module = pipeline.with_name("module.py")
    run(pipeline, tmp_path)
    edit(module, "return rate", "return rate + 1")
    trained = run(pipeline, tmp_path)
    edit(module, '"""Writes rows."""', '"""Writes one row."""  # soon more')
    documented = run(pipeline, tmp_path)
    edit(module, "SCALE = 1", "SCALE = 3")
    scaled = run(pipeline, tmp_path)

    assert states(trained) == {
        "prepare": "cached",
        "train": "done",
        "for-loop-2/0/train-2": "done",
        "for-loop-2/1/train-2": "done",
    }
    assert set(states(documented).values()) == {"cached"}
    assert set(states(scaled).values()) == {"done"}
    assert [t.parameters["loss"] for t in trained.tasks if t.name == "train"] == [3.0]


def test_a_run_parameter_runs_no_task_again_that_it_does_not_reach(
    pipeline: Path, tmp_path: Path
) -> None:
    run(pipeline, tmp_path)

    assert states(run(pipeline, tmp_path, rate=0.7)) == {
        "prepare": "cached",
        "train": "done",
        "for-loop-2/0/train-2": "cached",
        "for-loop-2/1/train-2": "cached",
    }


def test_a_resumed_run_keeps_the_tasks_that_an_edit_does_not_reach(
    pipeline: Path, tmp_path: Path
) -> None:
    module = pipeline.with_name("module.py")
    edit(module, "def _loss(rate):\n", "def _loss(rate):\n    rate.forgotten()\n")
    failed = run(pipeline, tmp_path)
    assert failed.state == "failed"
    edit(module, "    rate.forgotten()\n", "")

    assert states(headrace.resume(failed.run_id, root=tmp_path))["prepare"] == "cached"

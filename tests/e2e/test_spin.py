# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""One task of a run, run again from edited code."""

import shutil
from pathlib import Path

import pytest
from kfp import dsl

import headrace
from headrace.cli.main import main
from headrace.targets.local.records.store import SPINS
from headrace.targets.local.shared.observer import Silence
from headrace.targets.local.spinning import Spin, spin
from headrace_components.contract.errors import InputError
from support.cases.edit_loop import edit, write_project
from support.cases.local_pipelines import fails, read, step


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    return write_project(tmp_path / "my project")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "a root"


def files_of(root: Path) -> dict[str, int]:
    return {
        str(file): file.stat().st_mtime_ns
        for file in root.rglob("*")
        if file.is_file() and SPINS not in file.parts and file.name != ".lock"
    }


def run_alone(root: Path, task: str, *assignments: str, run: str = "latest"):
    lines: list[str] = []
    asked = Spin(run_id=run, task=task, root=root, assignments=assignments)
    spun = spin(asked, Silence(), lines.append)
    return spun.result, "".join(lines)


def test_a_task_runs_with_the_inputs_of_the_run_and_the_code_of_now(
    pipeline: Path, root: Path
) -> None:
    first = headrace.run(pipeline, root=root, parameters={"rate": 0.7})
    headrace.run(pipeline, root=root, parameters={"rate": 0.7})  # its inputs are from the cache
    before = files_of(root)
    edit(pipeline.with_name("module.py"), "return rate", "return rate + 1")

    result, printed = run_alone(root, "train")

    (outcome,) = result.tasks
    assert result.state == "succeeded"
    assert outcome.parameters == {"loss": 3.4}
    assert printed == "training on 2 at 0.7\n"
    model = Path(outcome.artifacts["model"][0].uri)
    assert (model / "model.txt").read_text("utf-8") == "2"
    assert model.is_relative_to(root / SPINS)
    assert files_of(root) == before
    assert [task.state for task in headrace.run(pipeline, root=root).tasks][1:] == ["done"] * 3
    assert first.directory.is_dir()


def test_parameters_of_the_task_can_be_set_for_one_try_also_in_a_loop(
    pipeline: Path, root: Path
) -> None:
    headrace.run(pipeline, root=root)

    for task in ("for-loop-2/1/train-2", "train"):
        result, printed = run_alone(root, task, "rate=4")
        assert printed == "training on 2 at 4.0\n"
        assert result.tasks[0].parameters == {"loss": 8.0}


def test_the_command_shows_the_log_the_outputs_and_how_to_go_on(
    pipeline: Path, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = headrace.run(pipeline, root=root)
    capfd.readouterr()

    assert main(["spin", "latest", "train", "--root", str(root), "-p", "rate=1"]) == 0

    shown = capfd.readouterr()
    assert "training on 2 at 1.0" in shown.err
    lines = shown.out.splitlines()
    assert "Output loss: 2.0" in lines
    assert any(line.startswith(f"Output model: {root}/{SPINS}/") for line in lines)
    assert any(line.startswith("The parameters of -p were for this try.") for line in lines)
    assert f"--root '{root}' --resume {run.run_id}" in shown.out


def test_a_task_that_fails_is_the_exit_code_and_says_why(
    pipeline: Path, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    headrace.run(pipeline, root=root)
    edit(pipeline.with_name("module.py"), "return rate", "return rate.forgotten")

    assert main(["spin", "latest", "train", "--root", str(root)]) == 1
    shown = capfd.readouterr().out
    assert "module.py, line 17: 'float' object has no attribute 'forgotten'" in shown
    assert "--resume" not in shown


def test_a_failed_task_is_corrected_alone_and_then_the_run_is_finished(
    pipeline: Path, root: Path
) -> None:
    module = pipeline.with_name("module.py")
    edit(module, "return rate", "return rate.forgotten")
    failed = headrace.run(pipeline, root=root)
    edit(module, "return rate.forgotten", "return rate")

    assert run_alone(root, "train")[0].state == "succeeded"
    assert headrace.resume(failed.run_id, root=root).state == "succeeded"


def test_a_run_without_a_file_spins_with_the_code_that_it_recorded(root: Path) -> None:
    @dsl.pipeline(name="steps")
    def steps(value: str = "a"):
        first = step(name="first", value=value)
        read(name="second", item=first.outputs["out"])

    journal = root.parent / "journal.txt"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOURNAL", str(journal))
        headrace.run(steps, root=root)
        result, _ = run_alone(root, "read")
        run_alone(root, "step", "value=b")

    assert result.state == "succeeded"
    assert journal.read_text("utf-8").splitlines() == ["first a", "second a", "second a", "first b"]


def test_what_cannot_run_alone_says_what_it_lacks(root: Path) -> None:
    @dsl.pipeline(name="failing")
    def failing():
        first = fails(name="first")
        step(name="second", value=first.outputs["text"])
        with dsl.If(first.outputs["text"] == "never"):
            step(name="third")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOURNAL", str(root.parent / "journal.txt"))
        headrace.run(failing, root=root)
        with pytest.raises(InputError, match=r"step of the run .* cannot run alone: fails failed"):
            run_alone(root, "step")
        assert run_alone(root, "fails")[0].state == "failed"
    assert len(list((root / SPINS).iterdir())) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["latest", "trian"], "has no task 'trian'"),
        (["latest", "train", "-p", "scale=3"], "has no parameter 'scale', only ['rate']"),
        (["latest", "train", "-p", "rate"], "expected name=value"),
        (["latest", "train", "-p", "rate=fast"], 'run alone: `rate` is "fast", expected a number'),
        (["20990101", "train"], "no run '20990101'"),
    ],
)
def test_what_is_not_there_is_named(
    words: list[str], message: str, pipeline: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    headrace.run(pipeline, root=root)

    assert main(["spin", *words, "--root", str(root)]) == 2
    assert message in capsys.readouterr().err
    assert not list((root / SPINS).glob("*/train"))


def test_an_input_that_is_gone_is_named(pipeline: Path, root: Path) -> None:
    headrace.run(pipeline, root=root)
    (table,) = root.glob("edit-loop/*/prepare/table")
    shutil.rmtree(table)

    with pytest.raises(InputError, match=r"its input `table` was at .*, where nothing is now"):
        run_alone(root, "train")

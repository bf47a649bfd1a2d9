"""The task before a component and the component find the same, also if a run ends in between."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from headrace_components.contract.fingerprint_ports import FINGERPRINT_INPUT
from support.launcher.compiled_runs import Declaration, Spec
from support.launcher.entry_points import Launcher, Outcome, TaskFailedError

TEXT = Declaration(type="STRING")
UUID = "0f2e1c3a-90b1-4a5f-8f0e-9d6c3b2a1f0"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A mounted directory with the runs of a pipeline."""
    return tmp_path / "mounted/pipeline"


@pytest.fixture
def launcher(tmp_path: Path) -> Launcher:
    return Launcher(root=tmp_path / "launcher")


def leave(runs: Path, number: int, text: str) -> Path:
    """Writes the outputs of a trainer in a run; a later run is newer."""
    model = runs / f"earlier-{number}/trainer/{UUID}{number}/model"
    model.mkdir(parents=True)
    (model / "saved_model.pb").write_text(text, "utf-8")
    os.utime(model / "saved_model.pb", (number, number))
    return model


def run(launcher: Launcher, module: str, spec: Spec, parameters: Mapping[str, str]) -> Outcome:
    command = ["python", "-m", f"headrace_components.{module}", "--executor_input", "{{$}}"]
    return launcher.run_command(module, spec, command, parameters)


def look(launcher: Launcher, parameters: Mapping[str, str]) -> str:
    """Returns the result of the task before."""
    outputs = {"fingerprint": TEXT, "place": Declaration(type="system.Artifact@0.0.1")}
    spec = Spec(inputs=dict.fromkeys(parameters, TEXT), outputs=outputs)
    found: str = run(launcher, "input_fingerprint", spec, parameters).parameters["fingerprint"]
    return found


def find(launcher: Launcher, runs: Path, fingerprint: str) -> Outcome:
    """Runs the component with the result of the task before."""
    parameters = {**asked(runs), FINGERPRINT_INPUT: fingerprint}
    outputs = {"artifact": Declaration(type="system.Artifact@0.0.1")}
    spec = Spec(inputs=dict.fromkeys(parameters, TEXT), outputs=outputs)
    return run(launcher, "latest_artifact", spec, parameters)


def asked(runs: Path) -> dict[str, str]:
    return {"producer": "trainer", "output": "model", "search_root": str(runs)}


def test_the_same_contents_elsewhere_are_the_same_and_others_are_not(
    launcher: Launcher, runs: Path
) -> None:
    parameters = {"component": "latest_artifact", **asked(runs)}
    found = []
    for number, text in enumerate(("one", "one", "two")):
        leave(runs, number, text)
        found.append(look(launcher, parameters))

    assert found[0] == found[1] != found[2]


def test_what_a_run_leaves_in_between_is_left_to_the_next_run(
    launcher: Launcher, runs: Path
) -> None:
    parameters = {"component": "latest_artifact", **asked(runs)}
    runs.mkdir(parents=True)
    nothing = look(launcher, parameters)
    first = leave(runs, 0, "one")
    one = look(launcher, parameters)
    leave(runs, 1, "two")

    assert find(launcher, runs, nothing)["artifact"].metadata == {"found": 0}
    artifact = find(launcher, runs, one)["artifact"]
    assert (artifact.path / "saved_model.pb").read_text("utf-8") == "one"
    artifact = find(launcher, runs, "unknown:1")["artifact"]
    assert (artifact.path / "saved_model.pb").read_text("utf-8") == "two"

    shutil.rmtree(first)
    with pytest.raises(TaskFailedError, match=r"latest_artifact: what the task before it found is"):
        find(launcher, runs, one)


def test_a_place_that_is_not_there_is_left_to_the_component(launcher: Launcher, runs: Path) -> None:
    found = look(launcher, {"component": "latest_artifact", **asked(runs)})

    assert found.startswith("unknown:")


def test_a_blessing_given_again_to_the_same_model_changes_nothing(
    launcher: Launcher, runs: Path
) -> None:
    parameters = {"component": "latest_blessed_model", "search_root": str(runs)}
    models = [leave(runs, number, "weights") for number in range(2)]
    found = []
    for number, model in enumerate([models[0], models[0], models[1]], 2):
        blessing = runs / f"earlier-{number}/evaluator/{UUID}{number}/blessing"
        blessing.mkdir(parents=True)
        verdict = json.dumps({"model": str(model), "created": number})
        (blessing / "BLESSED").write_text(verdict, "utf-8")
        found.append(look(launcher, parameters))

    assert found == [str(models[0]), str(models[0]), str(models[1])]


def test_a_uri_is_told_without_what_a_backend_would_replace(launcher: Launcher, runs: Path) -> None:
    model = leave(runs, 0, "weights")
    odd = model.rename(model.with_name("{{$.x}} $(HOME)"))
    blessing = runs / f"earlier-1/evaluator/{UUID}1/blessing"
    blessing.mkdir(parents=True)
    verdict = json.dumps({"model": str(odd), "created": 1})
    (blessing / "BLESSED").write_text(verdict, "utf-8")

    found = look(launcher, {"component": "latest_blessed_model", "search_root": str(runs)})

    assert found == f"{model.parent}/%7B%7B%24.x%7D%7D%20%24%28HOME%29"

"""Runs on Kubeflow under the names and in the lists that runs have everywhere."""

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.main import main
from headrace.contract.run_filter import RunFilter
from headrace.contract.run_names import resolved
from headrace.targets.kubeflow.submit import KubeflowRemote
from headrace_components.contract.errors import InputError
from support.cases.kubeflow_pipelines import order
from support.fakes.kubeflow_api import KubeflowApi

DEFAULTS = {"deep": False, "steps": 5}


@pytest.fixture
def given(api: KubeflowApi, tmp_path: Path) -> list[str]:
    config = tmp_path / "headrace.toml"
    config.write_text(f'[kubeflow]\nhost = "{api.address}"\n', "utf-8")
    return ["--target", "kubeflow", "--config", str(config)]


def renamed(api: KubeflowApi, old: str, new: str) -> str:
    """Gives a run another ID."""
    api.runs[new] = {**api.runs.pop(old), "run_id": new}
    return new


@pytest.fixture
def three(api: KubeflowApi, remote: KubeflowRemote) -> list[str]:
    """The IDs of three runs, the oldest first; the second one has failed."""
    ids = [
        remote.submit(order(run_id=name, parameters=parameters)).id
        for name, parameters in (
            ("monday", {"steps": 5}),
            ("tuesday", {"steps": 6}),
            ("wednesday", {"steps": 6, "deep": True}),
        )
    ]
    named = [
        f"{start}-0000-0000-0000-00000000000{n}" for n, start in enumerate(("aa1", "aa2", "b"))
    ]
    ids = [renamed(api, old, new) for old, new in zip(ids, named, strict=True)]
    api.runs[ids[1]]["state"] = "FAILED"
    return ids


def test_a_list_has_the_pipeline_and_all_parameters(
    remote: KubeflowRemote, three: list[str]
) -> None:
    newest, *_, oldest = remote.runs(None)

    assert (newest.pipeline, newest.name) == ("flights", "wednesday")
    assert newest.parameters == {**DEFAULTS, "steps": 6, "deep": True}
    assert oldest.parameters == DEFAULTS


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (RunFilter(pipeline="flights"), [2, 1, 0]),
        (RunFilter(pipeline="others"), []),
        (RunFilter(state="failed"), [1]),
        (RunFilter(parameters={"steps": "6"}), [2, 1]),
        (RunFilter(parameters={"steps": "6", "deep": "true"}), [2]),
    ],
)
def test_a_list_is_filtered_before_it_is_cut(
    which: RunFilter,
    found: list[int],
    remote: KubeflowRemote,
    three: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("headrace.targets.kubeflow.submit._PAGE_SIZE", 1)

    assert [run.id for run in remote.runs(None, which)] == [three[index] for index in found]
    assert [run.id for run in remote.runs(1, which)] == [three[index] for index in found[:1]]


def test_a_run_is_named_by_a_part_of_its_id_or_a_word(
    remote: KubeflowRemote, three: list[str]
) -> None:
    for name, index in (("b", 2), ("aa1", 0), ("latest", 2), ("flights/latest-failed", 1)):
        assert resolved(remote, name) == three[index]
    with pytest.raises(InputError, match=f"the beginning of 2 runs: {three[1]}, {three[0]}"):
        resolved(remote, "aa")
    with pytest.raises(InputError, match="'others/latest' is given, but there is no run of"):
        resolved(remote, "others/latest")


def test_a_whole_id_is_not_looked_for(api: KubeflowApi, remote: KubeflowRemote) -> None:
    run = remote.submit(order())
    api.calls.clear()

    assert resolved(remote, run.id) == run.id

    assert api.calls == []


def test_runs_are_compared_and_what_changed_is_shown(
    given: list[str], three: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", "compare", "aa1", "latest", "--json", *given]) == 0
    compared: Any = json.loads(capsys.readouterr().out)
    assert {row["name"]: row["values"] for row in compared["parameters"]} == {
        "deep": [False, True],
        "steps": [5, 6],
    }

    assert main(["diff", "latest", *given]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"- {three[1]}  flights  failed")
    assert "  ~ deep  False -> True" in lines
    assert not any("steps" in line for line in lines)


def test_a_run_that_is_not_there_is_answered_by_the_service(
    given: list[str], three: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", "show", "zzz", *given]) == 2

    assert "`headrace runs list --target kubeflow`" in capsys.readouterr().err

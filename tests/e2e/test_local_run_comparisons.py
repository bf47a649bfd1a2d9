# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""Runs on this machine beside each other: their metrics, parameters and verdicts."""

import json
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.cli.main import main
from headrace.targets.local.shared.results import RunResult
from headrace_components.artifacts import ModelBlessing
from support.cases.local_pipelines import run_pipeline

_PUBLISH = """
import json, pathlib, sys
message, values = json.loads(sys.argv[1]), json.loads(sys.argv[2])
outputs = message["outputs"]
metrics = outputs["artifacts"]["metrics"]["artifacts"][0]
metrics["metadata"] = values
blessing = outputs["artifacts"]["blessing"]["artifacts"][0]
blessing["metadata"] = {"blessed": int(values["auc"] > 0.5)}
for artifact in (metrics, blessing):
    pathlib.Path(artifact["uri"]).mkdir(parents=True)
file = pathlib.Path(outputs["outputFile"])
file.parent.mkdir(parents=True, exist_ok=True)
artifacts = {"metrics": {"artifacts": [metrics]}, "blessing": {"artifacts": [blessing]}}
file.write_text(json.dumps({"artifacts": artifacts}))
"""


@dsl.container_component
def score(values: dict, metrics: dsl.Output[dsl.Metrics], blessing: dsl.Output[ModelBlessing]):
    """Publishes metrics, and blesses a model."""
    return dsl.ContainerSpec(
        image="test", command=["python", "-c", _PUBLISH], args=["{{$}}", values]
    )


@dsl.pipeline(name="scored")
def scored(values: dict = {"auc": 0.75, "loss": 0.5}, note: str = "a|b"):
    score(values=values)


@dsl.pipeline(name="other")
def other(values: dict = {"accuracy": 0.5, "auc": 0.25}):
    score(values=values)


def ran(pipeline: Any, root: Path, **parameters: Any) -> RunResult:
    return run_pipeline(pipeline, root, **parameters).result


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "journal.txt").touch()
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal.txt"))


def test_a_list_has_metrics_and_what_is_not_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = ran(scored, tmp_path / "root")
    bad = ran(other, tmp_path / "root")

    assert main(["runs", "list", "--root", str(tmp_path / "root")]) == 0
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split()[-3:] == ["TIME", "RESULT", "PARAMETERS"]
    assert "not blessed accuracy=0.5 auc=0.25" in first
    assert "auc=0.75 loss=0.5  " in second
    assert main(["runs", "list", "--root", str(tmp_path / "root"), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [run["id"] for run in listed] == [bad.run_id, good.run_id]
    assert listed[1]["metrics"][0] == {
        "task": "score",
        "name": "auc",
        "value": 0.75,
        "baseline": None,
    }
    assert listed[0]["verdicts"][0]["is_good"] is False


def test_a_run_that_is_over_is_watched_to_its_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(other, tmp_path / "root")

    assert main(["runs", "watch", "latest", "--root", str(tmp_path / "root")]) == 0

    told = capsys.readouterr().err
    assert "score  not blessed" in told
    assert "accuracy 0.5, auc 0.25" in told


def test_runs_are_compared_and_their_differences_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(scored, tmp_path / "root")
    ran(scored, tmp_path / "root", values={"auc": 0.5, "loss": 0.5})
    ids = [run["id"] for run in _json(capsys, "list", tmp_path)]
    compare = ["runs", "compare", ids[1], "latest", "--root", str(tmp_path / "root")]

    assert main(compare) == 0
    rows = {line[3:].split("  ")[0].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert rows["score: auc"].split() == ["*", "score:", "auc", "0.75", "0.5", "(-0.25)"]
    assert rows["score: verdict"].split()[3:] == ["blessed", "not", "blessed"]
    assert rows["score: loss"].startswith("   score: loss")
    assert rows["note"].split() == ["note", "a|b", "a|b"]
    assert rows["values"].startswith("*")

    assert main([*compare, "--only-differences", "--markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"|  |  | {ids[1]} | {ids[0]} |"
    assert lines[1] == "|---|---|---|---|"
    assert r"| \* | score: auc | 0.75 | 0.5 (-0.25) |" in lines
    assert not any("loss" in line for line in lines if "score: loss" in line)

    compared = _json(capsys, "compare", tmp_path, ids[1], ids[0])
    assert compared["metrics"][0] == {
        "name": "auc",
        "values": [0.75, 0.5],
        "task": "score",
        "differs": True,
    }
    assert compared["verdicts"][0]["values"] == ["blessed", "not blessed"]


def _json(capsys: pytest.CaptureFixture[str], command: str, tmp_path: Path, *words: str):
    capsys.readouterr()
    assert main(["runs", command, *words, "--root", str(tmp_path / "root"), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_runs_of_two_pipelines_are_compared_by_what_they_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(scored, tmp_path / "root")
    ran(other, tmp_path / "root")

    compared = _json(capsys, "compare", tmp_path, "scored/latest", "other/latest")

    rows = {row["name"]: row for row in compared["metrics"]}
    assert rows["auc"]["values"] == [0.75, 0.25]
    assert rows["accuracy"]["values"] == [None, 0.5]
    assert {row["name"]: row["differs"] for row in compared["parameters"]} == {
        "note": True,
        "values": True,
    }


def test_one_run_is_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran(scored, tmp_path / "root")

    assert main(["runs", "compare", "latest", "--root", str(tmp_path / "root")]) == 2

    assert "only 'latest' is given, expected two runs or more" in capsys.readouterr().err

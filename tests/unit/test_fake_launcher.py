"""The fake launcher gives tasks the same inputs as a real Kubeflow."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.launcher import compiled_runs
from support.launcher.entry_points import Launcher, TaskFailedError
from support.launcher.kubeflow_words import WORKFLOW

CASES = Path(__file__).parents[1] / "fixtures/kubeflow_cases"


def without_names(lines: list[str], pipeline: str) -> list[str]:
    """Returns lines without names, URIs and paths, which differ from run to run."""
    shown = []
    for line in lines:
        line = re.sub(rf"{WORKFLOW}|\b{pipeline}-[a-z0-9]{{5}}\b", "WORKFLOW", line)
        line = re.sub(r"minio://[^\"\\]*/", "minio://", line)
        line = re.sub(r"/[^\"\\]*/output_metadata.json", "OUTPUT", line)
        shown.append(re.sub(r"/[^\"\\]*/outputs/", "/outputs/", line))
    return sorted(shown)


@pytest.mark.parametrize(
    "name",
    [
        "in-linear",
        "in-texts",
        "in-lists",
        pytest.param("ed-values", marks=pytest.mark.slow),
        pytest.param("ed-constants2", marks=pytest.mark.slow),
        pytest.param("ed-outputs2", marks=pytest.mark.slow),
    ],
)
def test_a_command_line_is_what_a_real_kubeflow_made_of_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text("utf-8"))
    text = (CASES / f"{name}.yaml").read_text("utf-8")
    journal = tmp_path / "journal"
    monkeypatch.setenv("JOURNAL", str(journal))

    failure = ""
    try:
        compiled_runs.run(text, Launcher(root=tmp_path), case["arguments"])
    except TaskFailedError as error:
        failure = str(error)

    (pipeline,) = re.findall(r"^pipelineInfo:\n  name: (.*)", text, re.MULTILINE)
    found = without_names(journal.read_text("utf-8").splitlines(), pipeline)
    wanted = without_names(case["real"]["lines"], pipeline)
    assert bool(failure) == (case["real"]["state"] == "FAILED")
    # After a failed task the real one continues with others; this one ends.
    assert found == [line for line in wanted if line in found or not failure]

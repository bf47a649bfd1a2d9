"""The fake Kubeflow driver has the same results as a real one, for everything that it imitates."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.launcher import kubeflow_driver

CASES = Path(__file__).parents[1] / "fixtures/kubeflow_cases"

# For a failed task, the end of a real log without the IDs of executions.
HELD = {
    "ed-artifacts": "",
    "ed-loops": 'input parameter "n" type mismatch: expect NUMBER_INTEGER, got string',
    "ed-none": "",
    "ed-not-written": 'failed to read output parameter name="text"',
    "ed-opt-args": 'parameter "s" not found in executor input',
    "ed-uri": "",
    "fa-ignores": "exit status 3",
    "im-output": "parent DAG does not have input parameter ",
    "im-part": "",
    "in-lists": "",
    "in-optional": "KeyError: 'artifacts'",
    "in-presence": "",
    "in-texts": "",
    "lo-loops-none": "subTaskName, step-2",
    "lo-some": "",  # the driver crashed and left no log
    "rf-number-for-a-bool": "",
    "rf-quote": "",  # from the library that reads conditions
    "rf-string-for-a-bool": "",
    "rf-text-of-an-item": "parent DAG does not have input parameter letters-loop-item",
    "set-environment": "",
    "su-optional-none": "parent DAG does not have input parameter word",
}


def case(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns a pipeline as it was submitted, and its results."""
    spec = next(yaml.safe_load_all((CASES / f"{name}.yaml").read_text("utf-8")))
    return spec, json.loads((CASES / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("name", HELD)
def test_a_pipeline_goes_as_it_went_on_a_real_kubeflow(name: str, tmp_path: Path) -> None:
    spec, told = case(name)

    ran = kubeflow_driver.run(spec, tmp_path, told["arguments"])

    assert (ran.state, ran.lines) == (told["real"]["state"], told["real"]["lines"])
    if HELD[name]:
        assert any(HELD[name] in reason for reason in ran.failed.values())
        assert any(HELD[name] in end for end in told["real"]["failed"].values())

"""What a run leaves in ML Metadata, against what TFX 1.16 left for the same file.

`store.json` of the fixture is TFX's answer. The functions below are all that differs.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[1] / "fixtures/tfx_store"
# Parameters of our components have other names or spellings of defaults.
BUILTIN = ("CsvExampleGen", "StatisticsGen", "best", "previous")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Returns the store of two runs of the fixture's file."""
    root = tmp_path_factory.mktemp("store")
    place = root / "tfx_store"
    shutil.copytree(FOLDER, place)
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "headrace.cli.main", "run", "pipeline.py"],
            cwd=place,
            env={**os.environ, "STORE_ROOT": str(root / "runs")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(json.dumps(_reader(place).contents(str(root / "runs"))))
    return found


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "store.json").read_text("utf-8"))
    return found


def _reader(place: Path) -> Any:
    spec = importlib.util.spec_from_file_location("read_store", place / "read_store.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_types_of_artifacts_and_executions_are_those_of_tfx(
    ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    # Reports are artifacts of Headrace alone.
    assert ours["artifact_types"].pop("system.HTML")
    assert ours["artifact_types"] == theirs["artifact_types"]
    assert ours["execution_types"] == theirs["execution_types"]
    assert {"__main__.Count", "steps.making.Report"} <= set(ours["execution_types"])


def test_executions_have_the_states_and_events_of_tfx(
    ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    def compared(store: dict[str, Any]) -> dict[str, Any]:
        return {
            node: {
                "type": each["type"],
                "state": each["state"],
                "events": [event for event in each["events"] if event[1] != "report"],
            }
            for node, each in store["executions"].items()
        }

    expected = compared(theirs)
    # TFX runs on after a search for an artifact that no run has left, and calls it failed.
    assert expected["0/previous"].pop("state") == "FAILED"
    # An importer does its work again, and finds the artifact.
    assert expected["1/the_schema"].pop("state") == "CACHED"
    found = compared(ours)
    assert found["0/previous"].pop("state") == "COMPLETE"
    assert found["1/the_schema"].pop("state") == "COMPLETE"

    assert found == expected
    assert found["1/previous"]["events"] == [["INTERNAL_OUTPUT", "old", "0/Report/schema"]]
    assert found["0/best"]["events"] == []
    assert ["INPUT", "word", "0/Count/word"] in found["0/Use"]["events"]
    assert found["1/rows.importer"]["events"] == [["OUTPUT", "rows", "1/rows.importer/rows"]]


def test_parameters_of_own_components_and_importers_are_those_of_tfx(
    ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    def compared(store: dict[str, Any]) -> dict[str, Any]:
        return {
            node: each["custom_properties"]
            for node, each in store["executions"].items()
            if not node.endswith(BUILTIN)
        }

    assert compared(ours) == compared(theirs)
    assert compared(ours)["0/rows.importer"] == {
        "artifact_uri": "HERE/data",
        "output_key": "rows",
        "reimport": 1,
    }


def test_artifacts_have_the_properties_and_nodes_of_tfx(
    ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    found = {key: each for key, each in ours["artifacts"].items() if not key.endswith("/report")}
    expected = theirs["artifacts"]
    for key, each in found.items():
        custom, other = each["custom_properties"], expected[key]["custom_properties"]
        if each["type"] == "Examples":  # the span has both kinds of properties
            each["properties"].pop("span")
            expected[key]["properties"].pop("span", None)
            assert isinstance(custom.pop("span"), int)
            other.pop("span", None)
        if each["type"] == "ExampleStatistics":  # text, and a struct of this text
            assert json.loads(custom.pop("sample_rate_by_split")) == json.loads(
                other.pop("sample_rate_by_split")["__value__"]
            )
            assert other.pop("stats_dashboard_link") == ""
        for name in ("current_model", "current_model_id"):  # a place and a number
            assert (name in custom) == (name in other)
            custom.pop(name, None)
            other.pop(name, None)
        # The checksum contains the time of the file.
        assert (
            custom.pop("input_fingerprint", "").split(",")[:2]
            == (other.pop("input_fingerprint", "").split(",")[:2])
        )

    assert found == expected
    assert found["0/Note/number"]["type"] == "Integer"
    assert found["0/Note/number"]["custom_properties"]["unit"] == "pots"

"""Verdicts of artifacts, for every form in which a store returns their metadata."""

from typing import Any

import pytest

from headrace.lineage.verdicts import verdict_of


@pytest.mark.parametrize(
    ("kind", "metadata", "verdict"),
    [
        ("tfx.ModelBlessing", {"blessed": 1}, "blessed"),
        ("ModelBlessing", {"blessed": "0"}, "not blessed"),
        ("system.InfraBlessing", {"blessed": 0.0, "has_model": 0}, "not blessed"),
        ("tfx.PushedModel", {"pushed": 1.0, "pushed_destination": "/m/3"}, "pushed to /m/3"),
        ("tfx.PushedModel", {"pushed": 1}, "pushed"),
        ("tfx.PushedModel", {"pushed": 0}, "not pushed"),
        ("tfx.ExampleAnomalies", {"blessed": '{"train": 1, "eval": 1}'}, "no anomalies"),
        ("tfx.ExampleAnomalies", {"blessed": '{"b": 0, "a": 0, "c": 2}'}, "anomalies in a, b"),
        ("tfx.ExampleAnomalies", {"blessed": '{"a": 2, "b": 2}'}, "nothing to compare with"),
        ("tfx.ExampleAnomalies", {"blessed": "x"}, ""),
        ("tfx.ExampleAnomalies", {"blessed": "[]"}, ""),
        ("tfx.ModelRun", {"has_finite_loss": 0.0}, "the loss is not a finite number"),
        ("tfx.ModelRun", {"has_finite_loss": 1}, ""),
        ("tfx.ModelRun", {}, ""),
        ("tfx.InferenceResult", {"num_predictions": 112122.0}, "112,122 predictions"),
        ("tfx.Examples", {"num_predictions": 0}, "nothing is predicted"),
        ("tfx.Model", {"blessed": 1}, ""),
        ("tfx.ModelBlessing", {}, ""),
        ("tfx.Examples", {"span": 3}, ""),
    ],
)
def test_a_verdict_is_in_words(kind: str, metadata: dict[str, Any], verdict: str) -> None:
    assert verdict_of(kind, metadata) == verdict

"""Thresholds that every model or no model meets are refused, with their place in the config."""

from collections.abc import Mapping
from typing import Any

import pytest

from headrace_components.contract.errors import InputError
from headrace_components.evaluator.thresholds import check_thresholds

METRIC = "eval_config.metrics_specs[0].metrics[0].threshold"
NO_DIRECTION = r"has no `direction`, so no model passes. Write 'direction': 'HIGHER_IS_BETTER'"
NO_BOUND = (
    r"has a `direction` and neither `absolute` nor `relative`, so every model passes, also one "
    r"that is worse than the baseline. Write \{'direction': "
)


def of_metric(threshold: Mapping[str, Any]) -> dict[str, Any]:
    metric = {"class_name": "AUC", "threshold": threshold}
    return {"metrics_specs": [{"metrics": [metric]}]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"absolute": -0.01}, NO_DIRECTION),
        ({"relative": -0.01, "direction": "UNKNOWN"}, NO_DIRECTION),
        ({"absolute": {"value": -0.01}, "direction": 0}, NO_DIRECTION),
        ({}, NO_DIRECTION),
        ({"direction": "HIGHER_IS_BETTER"}, NO_BOUND + "'HIGHER_IS_BETTER', 'absolute': -0.01"),
        ({"direction": 1}, NO_BOUND + "'LOWER_IS_BETTER', 'absolute': 0.01"),
        ({"direction": 2, "absolute": "NaN"}, "has the `absolute` NaN, so no model passes"),
    ],
)
def test_a_change_threshold_needs_a_direction_and_a_bound(
    change: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        check_thresholds(of_metric({"change_threshold": change}))

    assert f"metric 'AUC' at {METRIC}.change_threshold has" in str(caught.value)


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ({}, "threshold has neither `value_threshold` nor `change_threshold`"),
        ({"value_threshold": {}}, "value_threshold has neither `lower_bound` nor `upper_bound`"),
        ({"value_threshold": {"lower_bound": "NaN"}}, "has the `lower_bound` NaN"),
        (
            {"value_threshold": {"lower_bound": {"value": 0.9}, "upper_bound": 0.1}},
            "asks for at least 0.9 and at most 0.1, so no model passes",
        ),
    ],
)
def test_a_value_threshold_needs_bounds_that_a_value_can_meet(
    threshold: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_thresholds(of_metric(threshold))


CHANGE = {"change_threshold": {"absolute": 0.0}}
CAMEL = {"changeThreshold": {"direction": "LOWER_IS_BETTER"}}
SLICED = [{"slicing_specs": [{}], "threshold": CHANGE}]


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"thresholds": {"loss": CHANGE}}, "'loss' at {}.thresholds['loss'].change_threshold"),
        (
            {"per_slice_thresholds": {"loss": {"thresholds": SLICED}}},
            "'loss' at {}.per_slice_thresholds['loss'].thresholds[0].threshold.change_threshold",
        ),
        (
            {"crossSliceThresholds": {"loss": {"thresholds": SLICED}}},
            "'loss' at {}.cross_slice_thresholds['loss'].thresholds[0].threshold.change_threshold",
        ),
        (
            {"metrics": [{"class_name": "AUC", "per_slice_thresholds": SLICED}]},
            "'AUC' at {}.metrics[0].per_slice_thresholds[0].threshold.change_threshold",
        ),
        (
            {"metrics": [{"className": "AUC", "crossSliceThresholds": SLICED}]},
            "'AUC' at {}.metrics[0].cross_slice_thresholds[0].threshold.change_threshold",
        ),
        (
            {"metrics": [{"class_name": "AUC", "config": '{"name": "mine"}', "threshold": CAMEL}]},
            "'mine' at {}.metrics[0].threshold.change_threshold",
        ),
    ],
)
def test_a_threshold_is_found_wherever_a_config_may_have_it(
    spec: Mapping[str, Any], place: str
) -> None:
    with pytest.raises(InputError) as caught:
        check_thresholds({"metrics_specs": [spec]})

    assert f"metric {place.format('eval_config.metrics_specs[0]')} has" in str(caught.value)


@pytest.mark.parametrize(
    "threshold",
    [
        {"value_threshold": {"lower_bound": 0.5}},
        {"value_threshold": {"lower_bound": 0.0, "upper_bound": 0.0}},
        {"value_threshold": {"lower_bound": {"value": 0.5}}},
        {"valueThreshold": {"upperBound": 0.5}},
        {"change_threshold": {"absolute": 0, "direction": "HIGHER_IS_BETTER"}},
        {"change_threshold": {"relative": {"value": -0.1}, "direction": 2}},
    ],
)
def test_a_threshold_that_some_models_meet_is_taken(threshold: Mapping[str, Any]) -> None:
    check_thresholds(of_metric(threshold))

"""Settings of an `eval_config` that contradict each other are refused before anything runs."""

from collections.abc import Mapping
from typing import Any

import pytest

from headrace_components.contract.errors import InputError
from headrace_components.evaluator.config_checks import check
from headrace_components.evaluator.params import EvaluatorParams

AUC = {"class_name": "AUC"}


def spec(**fields: Any) -> dict[str, Any]:
    return {"metrics_specs": [{"metrics": [AUC], **fields}]}


def slicing(**fields: Any) -> dict[str, Any]:
    return {**spec(), "slicing_specs": [{}, fields]}


BOTH = {"feature_keys": ["carrier"], "feature_values": {"carrier": "AA"}}
NESTED = {"slicing_specs": [BOTH], "threshold": {"value_threshold": {"lower_bound": 0.5}}}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            spec(aggregate={"macro_average": True}),
            r"specs\[0\].aggregate has `macro_average` without `class_weights`",
        ),
        (
            spec(aggregate={"weightedMacroAverage": True}, binarize={"class_ids": {"values": [0]}}),
            r"aggregate has `weighted_macro_average` without `class_weights`",
        ),
        (
            spec(metrics=[{"class_name": "MinLabelPosition"}]),
            r"metrics\[0\] asks for the metric MinLabelPosition, .* has no `query_key`",
        ),
        (
            spec(metrics=[{"class_name": "QueryStatistics"}]),
            r"metric QueryStatistics, .* has no `query_key`",
        ),
        (
            spec(metrics=[{"class_name": "MeanSquaredError", "config": '{"thresholds": [0.5]}'}]),
            r"metric MeanSquaredError the argument 'thresholds', .* it takes \['name'\]",
        ),
        (
            spec(metrics=[{"class_name": "ConfusionMatrixPlot", "config": '"top_k": 2'}]),
            r"metric ConfusionMatrixPlot the argument 'top_k'",
        ),
        (slicing(**BOTH), r"eval_config.slicing_specs\[1\] names 'carrier' in `feature_keys`"),
        (
            spec(metrics=[{**AUC, "per_slice_thresholds": [NESTED]}]),
            r"per_slice_thresholds\[0\].slicing_specs\[0\] names 'carrier' in `feature_keys`",
        ),
        (
            slicing(feature_keys=["carrier"], slice_keys_sql="SELECT STRUCT(x) FROM example.x"),
            r"slicing_specs\[1\] has `slice_keys_sql` beside features",
        ),
    ],
)
def test_what_cannot_stand_together_is_refused(config: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check(EvaluatorParams(eval_config=config))


@pytest.mark.parametrize(
    "config",
    [
        spec(aggregate={"macro_average": True, "class_weights": {"0": 1.0}}),
        spec(aggregate={"macro_average": True, "top_k_list": {"values": [2]}}),
        spec(aggregate={"micro_average": True}),
        spec(metrics=[{"class_name": "MinLabelPosition"}], query_key="query"),
        slicing(feature_keys=["carrier"], feature_values={"origin": "JFK"}),
    ],
)
def test_what_can_stand_together_is_taken(config: Mapping[str, Any]) -> None:
    check(EvaluatorParams(eval_config=config))

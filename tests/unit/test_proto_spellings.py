"""Configs of TFX's protos mean the same in all spellings that the JSON form of a message allows."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from headrace_components.contract.early_checks import known_parameters
from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read as read_parameters
from headrace_components.contract.reading import whole_number
from headrace_components.evaluator.config_checks import normalized
from support import declared

FILES = {"input_base": "data"}
CODE = {"module_file": "module.py"}


@pytest.mark.parametrize(
    ("component", "values", "read", "expected"),
    [
        (
            "csv_example_gen",
            {
                **FILES,
                "output_config": {"splitConfig": {"splits": [{"name": "a", "hashBuckets": "3"}]}},
            },
            lambda p: [split.hash_buckets for split in p.output_splits],
            [3],
        ),
        (
            "csv_example_gen",
            {
                **FILES,
                "range_config": {"staticRange": {"startSpanNumber": "7", "endSpanNumber": 7.0}},
            },
            lambda p: p.only_span,
            7,
        ),
        (
            "csv_example_gen",
            {**FILES, "range_config": {"rollingRange": {"numSpans": "1"}}},
            lambda p: p.only_span,
            None,
        ),
        (
            "span_range",
            {"range_config": {"rollingRange": {"numSpans": "3", "startSpanNumber": "2"}}},
            lambda p: (p.span_range.first, p.span_range.num_spans),
            (2, 3),
        ),
        ("trainer", {**CODE, "train_args": {"numSteps": 5}}, lambda p: p.num_train_steps, 5),
        ("trainer", {**CODE, "eval_args": {"num_steps": "5"}}, lambda p: p.num_eval_steps, 5),
        ("tuner", {**CODE, "train_args": {"numSteps": "5"}}, lambda p: p.num_train_steps, 5),
        ("tuner", {**CODE, "tune_args": {"numParallelTrials": "2"}}, lambda p: p.trials_at_once, 2),
        ("infra_validator", {"validation_spec": {"numTries": "3"}}, lambda p: p.num_tries, 3),
        (
            "example_diff",
            {
                "config": {
                    "pairedExampleSkew": {
                        "identifierFeatures": ["id"],
                        "skewSampleSize": "10",
                        "floatRoundNdigits": "2",
                    }
                }
            },
            lambda p: (p.paired_skew().skew_sample_size, p.paired_skew().float_round_ndigits),
            (10, 2),
        ),
    ],
)
def test_camel_case_and_numbers_in_quotes_are_read(
    component: str, values: dict[str, Any], read: Callable[[Any], Any], expected: Any
) -> None:
    params = read_parameters(declared.component(component).parameters, values, component)

    assert read(params) == expected


@pytest.mark.parametrize(
    "value", ["", "x", "3.5", "3.0", " 3", "1_0", "٣", True, math.inf, math.nan]
)
def test_what_is_no_whole_number_is_refused_in_words(value: Any) -> None:
    assert whole_number(value) is None
    with pytest.raises(InputError, match="`num_steps` of `train_args` is"):
        known_parameters("trainer", {**CODE, "train_args": {"num_steps": value}})
    with pytest.raises(InputError, match="expected a whole number"):
        normalized({"options": {"min_slice_size": {"value": value}}})

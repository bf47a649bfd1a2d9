"""Configs of TFX's protos mean the same in all spellings that the JSON form of a message allows."""

import dataclasses
import math
import types
import typing
from collections.abc import Callable
from typing import Any

import pytest

from headrace_components.contract.declaration import names
from headrace_components.contract.early_checks import known_parameters
from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import converted
from headrace_components.contract.parameters import read as read_parameters
from headrace_components.contract.reading import whole_number
from headrace_components.evaluator.config_checks import normalized
from support.cases import declared

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


def messages() -> list[tuple[str, str, Any]]:
    """Returns component, parameter and dataclass of each parameter that is a message of TFX."""
    return [
        (component, each.name, each.type)
        for component in names()
        for each in dataclasses.fields(declared.component(component).parameters)
        if dataclasses.is_dataclass(each.type)
    ]


MESSAGES = messages()
IDS = [f"{component}-{name}" for component, name, _ in MESSAGES]


def sample(cls: Any, spell: Callable[[str], str]) -> dict[str, Any]:
    """Returns a message with a value in every field, at every depth."""
    hints = typing.get_type_hints(cls)
    return {spell(each.name): value(hints[each.name], spell) for each in dataclasses.fields(cls)}


def value(hint: Any, spell: Callable[[str], str]) -> Any:
    options = [each for each in typing.get_args(hint) if each is not types.NoneType]
    if isinstance(hint, types.UnionType):
        return value(options[0], spell)
    if typing.get_origin(hint) is tuple:
        return [value(options[0], spell)]
    if dataclasses.is_dataclass(hint):
        return sample(hint, spell)
    return {str: "a", int: 1, bool: True}.get(hint, {} if hint is not Any else 1)


def camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)


def test_the_catalogue_has_messages_of_tfx() -> None:
    assert {("trainer", "train_args"), ("csv_example_gen", "output_config")} <= {
        (component, name) for component, name, _ in MESSAGES
    }
    assert len(MESSAGES) > 20


@pytest.mark.parametrize(("component", "name", "cls"), MESSAGES, ids=IDS)
def test_each_message_is_read_in_both_spellings(component: str, name: str, cls: type[Any]) -> None:
    by_proto, by_json = (sample(cls, spell) for spell in (str, camel_case))

    first, second = (
        converted(declared.component(component).parameters, {name: message}, component)
        for message in (by_proto, by_json)
    )

    assert first == second
    assert first[name] != cls()
    assert type(first[name]) is cls


@pytest.mark.parametrize(("component", "name", "cls"), MESSAGES, ids=IDS)
def test_each_message_refuses_what_it_does_not_have(
    component: str, name: str, cls: type[Any]
) -> None:
    parameters = declared.component(component).parameters
    spelled_twice = next((each for each in sample(cls, str) if "_" in each), None)

    with pytest.raises(InputError, match=f"{component}: .*{name}.* expected"):
        converted(parameters, {name: {**sample(cls, str), "no_such_field": 1}}, component)
    if spelled_twice is not None:
        both = {**sample(cls, str), **sample(cls, camel_case)}
        with pytest.raises(InputError, match=f"the field '{spelled_twice}' in two spellings"):
            converted(parameters, {name: both}, component)


@pytest.mark.parametrize(
    ("by_proto", "by_json"),
    [
        (
            {"model_specs": [{"label_key": "a"}], "options": {"min_slice_size": 2}},
            {"modelSpecs": [{"labelKey": "a"}], "options": {"minSliceSize": {"value": "2"}}},
        ),
        (
            {"metrics_specs": [{"metrics": [{"class_name": "AUC"}], "model_names": ["m"]}]},
            {"metricsSpecs": [{"metrics": [{"className": "AUC"}], "modelNames": ["m"]}]},
        ),
    ],
)
def test_an_eval_config_is_read_in_both_spellings(
    by_proto: dict[str, Any], by_json: dict[str, Any]
) -> None:
    assert normalized(by_json) == normalized(by_proto) == by_proto

"""Reading the values of a message into typed parameters."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read


@dataclass(frozen=True, kw_only=True, slots=True)
class Params:
    steps: int = 1
    rate: float = 0.5
    name: str = ""
    flag: bool = False
    splits: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None


def test_values_take_the_types_of_their_fields() -> None:
    values = {
        "steps": 3.0,
        "rate": 1,
        "splits": ["train"],
        "config": {"a": [1.0]},
        "limit": 7.0,
        "flag": True,
    }

    params = read(Params, values, "trainer")

    assert params == Params(
        steps=3, rate=1.0, splits=("train",), config={"a": [1.0]}, limit=7, flag=True
    )
    assert isinstance(params.steps, int)
    assert isinstance(params.rate, float)


def test_absent_values_take_the_defaults() -> None:
    assert read(Params, {}, "trainer") == Params()
    assert read(Params, {"limit": None}, "trainer").limit is None


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"steps": 2.5}, r"trainer: parameter `steps` is 2.5, expected an integer"),
        ({"steps": True}, r"parameter `steps` is true, expected an integer"),
        ({"rate": "fast"}, r'parameter `rate` is "fast", expected a number'),
        ({"name": 5}, r"parameter `name` is 5, expected a string"),
        ({"flag": 1.0}, r"parameter `flag` is 1.0, expected true or false"),
        ({"splits": "train"}, r'parameter `splits` is "train", expected a list'),
        ({"splits": [1]}, r"parameter `splits` is 1, expected a string"),
        ({"config": [1]}, r"parameter `config` is \[1\], expected an object"),
        ({"limit": "x"}, r'parameter `limit` is "x", expected an integer'),
        ({"stpes": 1}, r"unknown parameters \['stpes'\]; it knows \['config', 'flag'"),
    ],
)
def test_a_value_of_another_type_is_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read(Params, values, "trainer")


def test_whole_numbers_in_objects_are_integers_at_any_depth() -> None:
    values = {"config": {"units": 64.0, "deep": [{"n": 5.0, "x": 0.5, "big": 1e21}], "on": True}}

    config = read(Params, values, "transform").config

    assert json.dumps(config) == (
        '{"units": 64, "deep": [{"n": 5, "x": 0.5, "big": 1e+21}], "on": true}'
    )


def test_a_required_parameter_that_is_missing_is_named() -> None:
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Required:
        range_config: Mapping[str, Any]
        search_root: str = ""

    with pytest.raises(InputError, match=r"^span_range: the task has no parameters \['range_c"):
        read(Required, {"search_root": "a"}, "span_range")

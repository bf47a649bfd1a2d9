"""Conditions: true, false, or an error, which is never false."""

import pytest

from headrace.ir.cel import evaluate
from headrace_components.contract.errors import InputError

PARAMETERS = {"city": "O'Hare", "n": 3, "share": 0.5, "flag": True, "items": [1]}
ARTIFACTS = {"model": [{"blessed": 1, "name": "a"}]}


@pytest.mark.parametrize(
    "condition",
    [
        "int(inputs.parameter_values['n']) > 2",
        "double(inputs.parameter_values['share']) <= 0.5",
        "inputs.parameter_values['flag'] == true",
        "inputs.parameter_values['flag']",
        r"inputs.parameter_values['city'] == 'O\'Hare'",
        "inputs.parameter_values['city'] == \"O'Hare\"",
        "!(inputs.parameter_values['city'] == 'x') && int(inputs.parameter_values['n']) != 4",
        "1 == 2 || -1.5e0 < 0",
        "2 == 2.0",
        "false && int('x') == 1 || !false",
        "inputs.artifacts['model'].artifacts[0].metadata['blessed'] == 1",
        "string(inputs.parameter_values['n']) == '3'",
        "'' == ''",
    ],
)
def test_a_condition_that_holds(condition: str) -> None:
    assert evaluate(condition, PARAMETERS, ARTIFACTS, "task")


@pytest.mark.parametrize(
    "condition",
    [
        "int(inputs.parameter_values['n']) > 3",
        "!inputs.parameter_values['flag']",
        "inputs.parameter_values['city'] == 'it'",
        "(1 == 1 || 1 == 1) && 1 == 2",
        "inputs.parameter_values['city'] < 'A'",
    ],
)
def test_a_condition_that_does_not_hold(condition: str) -> None:
    assert not evaluate(condition, PARAMETERS, ARTIFACTS, "task")


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("inputs.parameter_values['m'] == 1", r"parameter 'm' has no value; with one are \['city'"),
        ("inputs.parameter_values['n'] == '3'", "compares 3 with '3'"),
        ("inputs.parameter_values['items'] == 1", r"compares \[1\] with 1"),
        ("inputs.parameter_values['flag'] == 1", "compares True with 1"),
        ("'it's' == 'x'", "is not understood"),
        ("1 ==", "it ends too early"),
        ("", "it ends too early"),
        ("1 == 1 1", "'1' is not understood there"),
        ("size(inputs) == 1", "'size' is not understood there"),
        ("inputs.other['n'] == 1", "`inputs.other` is unknown"),
        ("inputs.parameter_values[n] == 1", "a quoted name is expected where 'n' stands"),
        ("int(inputs.parameter_values['city']) == 1", '"O\'Hare" is not a number'),
        ("1 + 1 == 2", r"'\+ 1 == 2' is not understood"),
        ("inputs.artifacts['model'].artifacts[1].metadata['x'] == 1", "artifact 1 of input"),
        ("1 && true", "1 stands where true or false is expected"),
        ("__import__('os').system('true')", "'__import__' is not understood there"),
    ],
)
def test_what_is_not_understood_is_an_error(condition: str, reason: str) -> None:
    with pytest.raises(InputError, match=rf"^prepare/train: the condition .*{reason}"):
        evaluate(condition, PARAMETERS, ARTIFACTS, "prepare/train")

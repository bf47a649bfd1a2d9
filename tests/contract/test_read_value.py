"""Contract of read_value: what it makes of a property, of JSON text and of comparisons."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.launcher.entry_points import Launcher, Outcome, TaskFailedError


def _read(
    launcher: Launcher, tmp_path: Path, metadata: Mapping[str, Any], **parameters: Any
) -> Outcome:
    blessing = tmp_path / "blessing"
    blessing.mkdir()
    stored = launcher.store(blessing, metadata)
    return launcher.run("read_value", parameters, artifact=stored)


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    outcome = _read(launcher, tmp_path, {"blessed": 1}, property_name="blessed")

    assert outcome.parameters["integer"] == 1
    return outcome


@pytest.mark.parametrize(
    ("value", "text", "integer", "number"),
    [
        (1.0, "1", 1, 1.0),  # a backend has one type of numbers
        (0.25, "0.25", 0, 0.25),
        (-3, "-3", -3, -3.0),
        ("INFRA_BLESSED", "INFRA_BLESSED", 0, 0.0),
    ],
)
def test_a_property_comes_in_each_form_that_it_has(
    value: Any, text: str, integer: int, number: float, launcher: Launcher, tmp_path: Path
) -> None:
    parameters = _read(launcher, tmp_path, {"x": value}, property_name="x").parameters

    assert [parameters[name] for name in ("text", "integer", "number")] == [text, integer, number]
    assert parameters["json"] == {}
    assert parameters["holds"] is False


def test_without_a_property_it_is_the_uri(launcher: Launcher, tmp_path: Path) -> None:
    outcome = _read(launcher, tmp_path, {})

    assert outcome.parameters["text"].endswith("/blessing")


def test_a_property_that_is_not_there_is_named(launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(TaskFailedError, match=r"no property 'blest', only \['blessed'"):
        _read(launcher, tmp_path, {"blessed": 1}, property_name="blest")


def test_a_text_is_no_number(launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(TaskFailedError, match="is the text 'yes', expected a number"):
        _read(launcher, tmp_path, {"blessed": "yes"}, property_name="blessed", is_number=True)


def test_a_property_needs_an_artifact(launcher: Launcher) -> None:
    with pytest.raises(TaskFailedError, match="`artifact` is not connected"):
        launcher.run("read_value", {"property_name": "blessed"})


def test_json_text_becomes_an_object(launcher: Launcher) -> None:
    text = '{"static_range": {"start_span_number": 2, "end_span_number": 2}}'

    outcome = launcher.run("read_value", {"json_text": text})

    assert outcome.parameters["json"] == {
        "static_range": {"start_span_number": 2, "end_span_number": 2}
    }


@pytest.mark.parametrize("text", ["{", "[1]", "2"])
def test_other_text_is_refused(text: str, launcher: Launcher) -> None:
    with pytest.raises(TaskFailedError, match=r"`json_text` is .* expected"):
        launcher.run("read_value", {"json_text": text})


def _comparison(left: Any, operator: str, right: Any) -> dict[str, Any]:
    return {"left": left, "operator": operator, "right": right}


@pytest.mark.parametrize(
    ("groups", "holds"),
    [
        ([[(1, "==", 1), (2, "<", 1)], [("a", "!=", "b")]], True),
        ([[(1, "==", 1), (2, "<", 1)], [("a", ">=", "b")]], False),
        ([[(0.5, "<=", 1)]], True),
        ([[(True, "==", 1.0)]], True),
    ],
)
def test_one_group_of_comparisons_has_to_hold(
    groups: list[list[tuple[Any, str, Any]]], holds: bool, launcher: Launcher
) -> None:
    any_of = [{"all_of": [_comparison(*each) for each in group]} for group in groups]

    assert launcher.run("read_value", {"any_of": any_of}).parameters["holds"] is holds


def test_a_text_and_a_number_are_not_compared(launcher: Launcher) -> None:
    with pytest.raises(TaskFailedError, match="expected two texts or two numbers"):
        launcher.run("read_value", {"any_of": [{"all_of": [_comparison("1", "==", 1)]}]})
    with pytest.raises(TaskFailedError, match="the operator '='"):
        launcher.run("read_value", {"any_of": [{"all_of": [_comparison(1, "=", 1)]}]})

"""Conditions: types, operators, branches, nesting."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace_components.contract.errors import InputError
from support.cases.conformance_features import conforms
from support.cases.local_pipelines import changed, number, run_pipeline, step

SECTION = "Conditions"


@dsl.pipeline(name="branches")
def branches(city: str, count: int):
    with dsl.If(city == "Paris"):
        step(name="paris")
    with dsl.Elif(count > 2):
        step(name="many")
    with dsl.Else():
        step(name="other")


@conforms(SECTION, "`If`, `Elif`, `Else`", branches)
@pytest.mark.parametrize(
    ("city", "count", "chosen"),
    [
        ("Paris", 9, "paris "),
        ("O'Hare", 3, "many "),
        ("' || true || '", 1, "other "),
        ('Paris"', 2, "other "),
    ],
)
def test_the_first_branch_whose_condition_holds_runs_and_no_other(
    city: str, count: int, chosen: str, tmp_path: Path
) -> None:
    ran = run_pipeline(branches, tmp_path, city=city, count=count)

    assert ran.journal == [chosen]
    assert sorted(ran.states.values()).count("skipped") == 2


@dsl.pipeline(name="integers")
def integers(n: int, m: int = 4):
    with dsl.If(n == 3):
        step(name="eq")
    with dsl.If(n != 3):
        step(name="ne")
    with dsl.If(n < 3):
        step(name="lt")
    with dsl.If(n <= 3):
        step(name="le")
    with dsl.If(n > -2):
        step(name="above -2")
    with dsl.If(n >= 3.5):
        step(name="from 3.5")
    with dsl.If(n < m):
        step(name="below m")


@conforms(SECTION, "an int and each of `== != < <= > >=`, with a number or a parameter", integers)
@pytest.mark.parametrize(
    ("n", "holds"),
    [
        (3, {"eq", "le", "above -2", "below m"}),
        (-2, {"ne", "lt", "le", "below m"}),
        (4, {"ne", "above -2", "from 3.5"}),
    ],
)
def test_integers_are_compared_as_numbers(n: int, holds: set[str], tmp_path: Path) -> None:
    ran = run_pipeline(integers, tmp_path, n=n)

    assert {line.strip() for line in ran.journal} == holds


@dsl.pipeline(name="floats")
def floats(x: float, n: int = 2):
    with dsl.If(x == 2):
        step(name="two")
    with dsl.If(x < 1e-05):
        step(name="tiny")
    with dsl.If(x > n):
        step(name="above n")


@conforms(SECTION, "a float with a float, an int or a parameter", floats)
@pytest.mark.parametrize(("x", "holds"), [(2.0, ["two "]), (1e-6, ["tiny "]), (2.5, ["above n "])])
def test_floats_are_compared_as_numbers(x: float, holds: list[str], tmp_path: Path) -> None:
    assert run_pipeline(floats, tmp_path, x=x).journal == holds


@dsl.pipeline(name="strings")
def strings(text: str, other: str = "b"):
    with dsl.If(text == ""):
        step(name="empty")
    with dsl.If(text == "Überall && (x) == 'no'".replace("'", "")):
        step(name="unicode")
    with dsl.If(text < other):
        step(name="before b")
    with dsl.If(text == other):
        step(name="same")


@conforms(SECTION, "a string with a string or a parameter", strings)
@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", {"empty ", "before b "}),
        ("Überall && (x) == no", {"unicode "}),
        ("b", {"same "}),
        ("'b'", {"before b "}),
    ],
)
def test_strings_are_compared_by_code_points(text: str, holds: set[str], tmp_path: Path) -> None:
    assert set(run_pipeline(strings, tmp_path, text=text).journal) == holds


@dsl.pipeline(name="flags")
def flags(flag: bool, other: bool = True):
    with dsl.If(flag == True):  # noqa: E712  kfp turns the comparison into a condition
        step(name="true")
    with dsl.If(flag != True):  # noqa: E712
        step(name="not true")
    with dsl.If(flag == False):  # noqa: E712
        step(name="false")
    with dsl.If(flag == other):
        step(name="same")


@conforms(SECTION, "a bool with `True`, `False` or a parameter", flags)
@pytest.mark.parametrize(
    ("flag", "holds"), [(True, {"true ", "same "}), (False, {"not true ", "false "})]
)
def test_a_bool_is_compared_as_it_is_written(flag: bool, holds: set[str], tmp_path: Path) -> None:
    assert set(run_pipeline(flags, tmp_path, flag=flag).journal) == holds


@dsl.pipeline(name="outputs")
def outputs():
    three = number(value=3)
    with dsl.If(three.outputs["result"] > 2):
        two = number(value=2)
        with dsl.If(two.outputs["result"] == 2):
            step(name="inner")
        with dsl.Else():
            step(name="never")


@conforms(SECTION, "an output of a task; a condition in a condition", outputs)
def test_conditions_nest_and_read_outputs(tmp_path: Path) -> None:
    assert run_pipeline(outputs, tmp_path).journal == ["number 3", "number 2", "inner "]


@dsl.pipeline(name="number-for-a-bool")
def number_for_a_bool(flag: bool):
    with dsl.If(flag == 1):
        step(name="true")


@dsl.pipeline(name="string-for-a-bool")
def string_for_a_bool(flag: bool):
    with dsl.If(flag == "true"):  # type: ignore[comparison-overlap]
        step(name="true")


@dsl.pipeline(name="quote")
def quote(text: str):
    with dsl.If(text == "it's"):
        step(name="its")


@conforms(SECTION, "a bool with `1` or `0`", number_for_a_bool)
def test_a_bool_compared_with_a_number_is_refused() -> None:
    with pytest.raises(CompileError, match=r"kfp compiles to the opposite\. Write `flag == True`"):
        load(number_for_a_bool)


@conforms(SECTION, 'a bool with `"true"`', string_for_a_bool)
@conforms(SECTION, "a string with one that holds a quote or a backslash", quote)
@pytest.mark.parametrize("pipeline", [string_for_a_bool, quote])
def test_a_condition_that_kfp_compiles_wrongly_is_not_decided(
    pipeline: Any, tmp_path: Path
) -> None:
    values = {"flag": True} if pipeline is string_for_a_bool else {"text": "x"}

    with pytest.raises(InputError, match="could not be decided"):
        run_pipeline(pipeline, tmp_path, **values)


@dsl.pipeline(name="after-branch")
def after_branch(flag: bool):
    with dsl.If(flag == True):  # noqa: E712
        step(name="inner")
    step(name="after")
    step(name="aside")


def test_what_depends_on_a_skipped_branch_is_skipped(tmp_path: Path) -> None:
    # kfp cannot write this, but other compilers of the same format can.
    spec = changed(
        after_branch, lambda tasks: tasks["step-2"].update(dependentTasks=["condition-1"])
    )

    ran = run_pipeline(spec, tmp_path, flag=False)

    assert ran.journal == ["aside "]
    assert ran.result.state == "succeeded"


def test_a_condition_that_is_not_understood_is_refused_and_not_taken_for_false(
    tmp_path: Path,
) -> None:
    condition = "inputs.parameter_values['pipelinechannel--flag'].size() > 1"
    spec = changed(
        after_branch,
        lambda tasks: tasks["condition-1"]["triggerPolicy"].update(condition=condition),
    )

    words = r"could not be decided: '\.' is not understood there"
    with pytest.raises(InputError, match=words):
        run_pipeline(spec, tmp_path, flag=True)

    assert not list(tmp_path.glob("after-branch/*"))

"""`dsl.OneOf`: the output of the branch that ran."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

from pathlib import Path
from typing import NamedTuple

import pytest
from kfp import dsl

from support.cases.conformance_features import conforms
from support.cases.local_pipelines import collect, read, run_pipeline, step

SECTION = "OneOf"
LATER = "on a backend of 2.17 or later"


class Chosen(NamedTuple):
    word: str
    thing: dsl.Artifact


@dsl.pipeline(name="parameters")
def parameters(city: str):
    with dsl.If(city == "Paris"):
        paris = step(name="paris", value="p")
    with dsl.Elif(city == "Rome"):
        rome = step(name="rome", value="r")
    with dsl.Else():
        other = step(name="other", value="o")
    step(
        name="word",
        value=dsl.OneOf(paris.outputs["text"], rome.outputs["text"], other.outputs["text"]),
    )


@conforms(SECTION, "of parameters", parameters)
@pytest.mark.parametrize(("city", "word"), [("Paris", "p"), ("Rome", "r"), ("Oslo", "o")])
def test_the_value_is_that_of_the_branch_that_ran(city: str, word: str, tmp_path: Path) -> None:
    assert run_pipeline(parameters, tmp_path, city=city).journal[1] == f"word {word}"


@dsl.pipeline(name="artifacts")
def artifacts(city: str):
    with dsl.If(city == "Paris"):
        paris = step(name="paris", value="p")
    with dsl.Else():
        other = step(name="other", value="o")
    read(name="thing", item=dsl.OneOf(paris.outputs["out"], other.outputs["out"]))


@conforms(SECTION, "of artifacts", artifacts, kubeflow=LATER)
@pytest.mark.parametrize(("city", "word"), [("Paris", "p"), ("Oslo", "o")])
def test_the_artifact_is_that_of_the_branch_that_ran(city: str, word: str, tmp_path: Path) -> None:
    assert run_pipeline(artifacts, tmp_path, city=city).journal[1] == f"thing {word}"


@dsl.pipeline(name="choose")
def choose(city: str) -> Chosen:
    with dsl.If(city == "Paris"):
        paris = step(name="paris", value="p")
    with dsl.Else():
        other = step(name="other", value="o")
    return Chosen(
        word=dsl.OneOf(paris.outputs["text"], other.outputs["text"]),
        thing=dsl.OneOf(paris.outputs["out"], other.outputs["out"]),
    )


@dsl.pipeline(name="between")
def between(city: str) -> Chosen:
    chosen = choose(city=city)
    return Chosen(word=chosen.outputs["word"], thing=chosen.outputs["thing"])


@dsl.pipeline(name="through-pipelines")
def through_pipelines(city: str) -> str:
    chosen = between(city=city)
    read(name="thing", item=chosen.outputs["thing"])
    return step(name="word", value=chosen.outputs["word"]).outputs["text"]


@conforms(SECTION, "as the output of a sub-pipeline", through_pipelines, kubeflow=LATER)
@pytest.mark.parametrize(("city", "word"), [("Paris", "p"), ("Oslo", "o")])
def test_what_was_chosen_passes_through_sub_pipelines(city: str, word: str, tmp_path: Path) -> None:
    ran = run_pipeline(through_pipelines, tmp_path, city=city)

    assert {f"thing {word}", f"word {word}"} <= set(ran.journal)
    assert ran.result.parameters == {"Output": word}


@dsl.pipeline(name="nested")
def nested(a: int, b: int):
    with dsl.If(a > 1):
        with dsl.If(b > 1):
            both = step(name="both", value="both")
        with dsl.Else():
            only = step(name="only", value="only a")
        inner = step(name="inner", value=dsl.OneOf(both.outputs["text"], only.outputs["text"]))
    with dsl.Else():
        none = step(name="none", value="none")
    step(name="chosen", value=dsl.OneOf(inner.outputs["text"], none.outputs["text"]))


@conforms(SECTION, "in nested conditions", nested)
@pytest.mark.parametrize(("a", "b", "chosen"), [(2, 2, "both"), (2, 1, "only a"), (1, 2, "none")])
def test_choices_nest(a: int, b: int, chosen: str, tmp_path: Path) -> None:
    assert run_pipeline(nested, tmp_path, a=a, b=b).journal[-1] == f"chosen {chosen}"


@dsl.pipeline(name="in-a-loop")
def in_a_loop(letters: list):
    with dsl.ParallelFor(letters) as letter:
        with dsl.If(letter == "a"):
            first = step(name="first", value="is a")
        with dsl.Else():
            other = step(name="other", value=letter)
        chosen = step(name="chosen", value=dsl.OneOf(first.outputs["text"], other.outputs["text"]))
    collect(name="all", values=dsl.Collected(chosen.outputs["text"]))


@conforms(SECTION, "in a loop, and what follows it collected", in_a_loop)
def test_each_iteration_chooses_for_itself(tmp_path: Path) -> None:
    ran = run_pipeline(in_a_loop, tmp_path, letters=["b", "a"])

    assert ran.result.state == "succeeded", ran.result.failures
    assert ran.journal[-1] == 'all ["b","is a"]'


@conforms(SECTION, "without `Else`; itself in `Collected`", None)
def test_kfp_refuses_a_choice_that_may_be_none() -> None:
    with pytest.raises(ValueError, match=r"must include an output from a task in a dsl\.Else"):

        @dsl.pipeline(name="no-else")
        def no_else(a: int):
            with dsl.If(a > 1):
                many = step(name="a")
            with dsl.Elif(a > 0):
                one = step(name="b")
            step(name="c", value=dsl.OneOf(many.outputs["text"], one.outputs["text"]))

    with pytest.raises(ValueError, match=r"cannot be used inside of dsl\.Collected"):

        @dsl.pipeline(name="collected")
        def collected(letters: list):
            with dsl.ParallelFor(letters) as letter:
                with dsl.If(letter == "a"):
                    first = step(name="a")
                with dsl.Else():
                    other = step(name="b")
                chosen = dsl.OneOf(first.outputs["text"], other.outputs["text"])
            collect(name="c", values=dsl.Collected(chosen))

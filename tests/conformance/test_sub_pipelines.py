"""Pipelines in pipelines: outputs, defaults, optional inputs."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

from pathlib import Path
from typing import Any, NamedTuple, Optional

import pytest
from kfp import dsl

from headrace.compilation.passes.lint import lint
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import load
from support.cases.conformance_features import conforms
from support.cases.local_pipelines import (
    collect,
    items,
    note_inputs,
    number,
    read,
    run_pipeline,
    step,
    tell,
)

SECTION = "Sub-pipelines"


class Made(NamedTuple):
    number: int
    several: list
    thing: dsl.Artifact


@dsl.pipeline(name="inner")
def inner_pipeline(value: str = "default") -> str:
    return step(name="inner", value=value).outputs["text"]


@dsl.pipeline(name="outer")
def outer_pipeline(value: str) -> str:
    given = inner_pipeline(value=value)
    inner_pipeline()
    return step(name="outer", value=given.output).outputs["text"]


@conforms(SECTION, "twice, with a value and a default; an output", outer_pipeline)
def test_a_pipeline_within_a_pipeline_takes_and_gives_values(tmp_path: Path) -> None:
    ran = run_pipeline(outer_pipeline, tmp_path, value="v")

    assert sorted(ran.journal) == ["inner default", "inner v", "outer v"]
    assert ran.result.parameters == {"Output": "v"}


@dsl.pipeline(name="make")
def make(count: int) -> Made:
    return Made(
        number=number(value=count).outputs["result"],
        several=items(value=[1, "a"]).outputs["result"],
        thing=step(name="made", value="v").outputs["out"],
    )


@dsl.pipeline(name="outputs")
def outputs() -> Made:
    first = make(count=3)
    made = make(count=first.outputs["number"]).after(first)
    read(name="read", item=made.outputs["thing"])
    with dsl.ParallelFor(made.outputs["several"]) as one:
        step(name="one", value=one)
    with dsl.If(made.outputs["number"] == 3):
        step(name="three")
    return Made(
        number=made.outputs["number"],
        several=made.outputs["several"],
        thing=made.outputs["thing"],
    )


@conforms(SECTION, "several outputs: into tasks, loops, conditions and the run's own", outputs)
def test_outputs_of_a_sub_pipeline_are_used_as_those_of_a_task(tmp_path: Path) -> None:
    ran = run_pipeline(outputs, tmp_path)

    assert {"read v", "one 1", "one a", "three "} <= set(ran.journal)
    assert ran.result.parameters == {"number": 3, "several": [1, "a"]}
    (thing,) = ran.result.artifacts["thing"]
    assert Path(thing.uri, "value.txt").read_text("utf-8") == "v"


@dsl.pipeline(name="deep")
def deep(letters: list, flag: bool = True):
    with dsl.ParallelFor(letters) as letter:
        with dsl.If(flag == True):  # noqa: E712
            given = outer_pipeline(value=letter)
            step(name="got", value=given.output)
        every = outer_pipeline(value=letter)
    collect(name="all", values=dsl.Collected(every.output))


@conforms(SECTION, "nested, in loops and conditions", deep)
def test_a_sub_pipeline_runs_in_loops_and_conditions(tmp_path: Path) -> None:
    ran = run_pipeline(deep, tmp_path, letters=["a", "b"])

    assert {"got a", "got b", 'all ["a","b"]'} < set(ran.journal)


@dsl.pipeline(name="optional")
def optional(word: Optional[str] = None, item: dsl.Input[dsl.Artifact] = None):  # noqa: UP045
    note_inputs(name="inner", value=word, item=item)


@dsl.pipeline(name="optional-parameters")
def optional_parameters(word: Optional[str] = None):  # noqa: UP045
    made = step(name="made")
    optional(word="w", item=made.outputs["out"])
    optional(word=word, item=made.outputs["out"])


@conforms(
    SECTION,
    "an optional parameter, handed down",
    optional_parameters,
    kubeflow="without a value if started by `headrace submit`",
    by_rules=True,
)
@pytest.mark.parametrize(
    ("given", "lines"),
    [
        ({}, {'inner {"value": "w"} [\'item\']', "inner {} ['item']"}),
        ({"word": "x"}, {'inner {"value": "w"} [\'item\']', 'inner {"value": "x"} [\'item\']'}),
    ],
)
def test_an_optional_parameter_without_a_value_is_not_there_inside(
    given: dict[str, Any], lines: set[str], tmp_path: Path
) -> None:
    ran = run_pipeline(optional_parameters, tmp_path, **given)

    assert lines <= set(ran.journal)


@dsl.pipeline(name="around")
def around(item: dsl.Input[dsl.Artifact] = None):
    optional(item=item)


@dsl.pipeline(name="optional-artifacts")
def optional_artifacts():
    around()
    around(item=step(name="made").outputs["out"])


@conforms(SECTION, "an optional artifact, through two of them", optional_artifacts, by_rules=True)
def test_an_optional_artifact_may_be_missing_at_any_depth(tmp_path: Path) -> None:
    ran = run_pipeline(optional_artifacts, tmp_path)

    assert {"inner {} []", "inner {} ['item']"} <= set(ran.journal)


@dsl.pipeline(name="defaults")
def defaults(
    values: dict = {"a": [1, {"b": "it's"}]},
    x: float = 2.0,
    n: int = 4,
    flag: bool = True,
    text: str = 'ü "q"',
    several: list = [1, 2.5, "a", True, {"k": 1}],
):
    tell(values=values, x=x, n=n, flag=flag, text=text, several=several)


@dsl.pipeline(name="all-defaults")
def all_defaults():
    defaults()
    defaults(values={}, x=1.0, n=0, flag=False, text="", several=[])


@conforms(SECTION, "defaults of every type", all_defaults)
def test_defaults_of_every_type_hold_until_a_value_is_given(tmp_path: Path) -> None:
    ran = run_pipeline(all_defaults, tmp_path)

    assert sorted(ran.journal) == [
        '{"values": {"a": [1, {"b": "it\'s"}]}, "x": 2, "n": 4, "flag": true, '
        '"text": "ü \\"q\\"", "several": [1, 2.5, "a", true, {"k": 1}]}',
        '{"x": 1}',
    ]


@dsl.pipeline(name="given-an-artifact")
def given_an_artifact(data: dsl.Input[dsl.Dataset]):
    read(name="given", item=data)


@conforms(
    SECTION,
    "an artifact as an input of the whole pipeline",
    given_an_artifact,
    vertex="by `runtimeConfig.inputArtifacts`, which `headrace submit` does not fill in",
)
def test_an_artifact_that_no_target_can_give_is_refused() -> None:
    targets: tuple[str, ...] = ("local", "kubeflow")
    for target in targets:
        with pytest.raises(CompileError, match="its input `data` needs one"):
            lint(load(given_an_artifact).spec, target_named(target), {})


@dsl.pipeline(name="tells")
def tells(values: dict):
    tell(values=values)


@dsl.pipeline(name="dict-into-a-sub-pipeline")
def dict_into_a_sub_pipeline(count: int):
    tells(values={"a": {"n": count}})


@conforms(
    SECTION, "a list or dict with a parameter in it, for a container", dict_into_a_sub_pipeline
)
def test_a_dict_with_a_parameter_goes_into_a_sub_pipeline(tmp_path: Path) -> None:
    assert run_pipeline(dict_into_a_sub_pipeline, tmp_path, count=3).journal == [
        '{"values": {"a": {"n": 3}}, "x": 0.5, "n": 1}'
    ]

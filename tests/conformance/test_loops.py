"""Loops, and the values that are collected from them."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

from pathlib import Path
from typing import Any, List, NamedTuple  # noqa: UP035  kfp knows these names only

import pytest
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.compilation.passes.lint import lint
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import load
from support.cases.conformance_features import PROFILE, conforms
from support.cases.local_pipelines import (
    collect,
    collect_artifacts,
    items,
    note_status,
    number,
    read,
    run_pipeline,
    slow,
    step,
    tell,
)

SECTION = "Loops"
COLLECTED = "Collected"


class Made(NamedTuple):
    texts: List[str]  # noqa: UP006
    things: List[dsl.Artifact]  # noqa: UP006


@dsl.pipeline(name="constants")
def constants():
    with dsl.ParallelFor(["it's", '"ü"', "1"]) as text:
        step(name="text", value=text)
    with dsl.ParallelFor([1, 2]) as count:
        number(value=count)
    with dsl.ParallelFor([[1, 2], ["x"]]) as several:
        collect(name="list", values=several)


@conforms(SECTION, "over constants: strings, numbers, lists", constants)
def test_a_loop_over_constants_gives_each_as_it_is(tmp_path: Path) -> None:
    assert sorted(run_pipeline(constants, tmp_path).journal) == sorted(
        ["text it's", 'text "ü"', "text 1", "number 1", "number 2", "list [1,2]", 'list ["x"]']
    )


@dsl.pipeline(name="dicts")
def dicts(pairs: list):
    with dsl.ParallelFor([{"a": "1", "n": 2}, {"a": "it's", "n": 3}]) as pair:
        step(name="constant", value=pair.a)
    with dsl.ParallelFor(pairs) as pair:
        tell(values=pair, x=pair.x, n=pair.n, flag=pair.flag, text=pair.text)


@conforms(SECTION, "over dicts, constant or from a parameter, and their keys", dicts, by_rules=True)
def test_a_loop_over_dicts_gives_them_and_their_keys(tmp_path: Path) -> None:
    pair = {"x": 1, "n": 2, "flag": True, "text": "3", "more": {"a": [1]}}

    ran = run_pipeline(dicts, tmp_path, pairs=[pair])

    assert {"constant 1", "constant it's"} < set(ran.journal)
    (told,) = [line for line in ran.journal if line.startswith("{")]
    assert told == (
        '{"values": {"flag": true, "more": {"a": [1]}, "n": 2, "text": "3", "x": 1}, '
        '"x": 1, "n": 2, "flag": true, "text": "3"}'
    )


@dsl.pipeline(name="outputs")
def outputs(values: list):
    made = items(value=values)
    with dsl.ParallelFor(made.outputs["result"], parallelism=1) as value:
        same = number(value=value)
        with dsl.If(same.outputs["result"] >= 2):
            number(value=same.outputs["result"])


@conforms(SECTION, "over an output of a task, with a condition inside", outputs, by_rules=True)
def test_a_loop_over_an_output_takes_its_items_with_their_types(tmp_path: Path) -> None:
    ran = run_pipeline(outputs, tmp_path, use_cache=False, values=[1, 2, 3])

    assert ran.journal == ["number 1", "number 2", "number 2", "number 3", "number 3"]


@dsl.pipeline(name="loops")
def loops(letters: list, pairs: list):
    with dsl.ParallelFor(letters) as letter:
        with dsl.ParallelFor(pairs) as pair:
            inner = step(name=letter, value=pair.b)
        collect(name="inner", values=dsl.Collected(inner.outputs["text"]))
        outer = step(name="outer", value=letter)
    collect(name="letters", values=dsl.Collected(outer.outputs["text"]))
    collect(name="nested", values=dsl.Collected(inner.outputs["text"]))
    collect_artifacts(name="artifacts", artifacts=dsl.Collected(outer.outputs["out"]))
    collect_artifacts(name="all", artifacts=dsl.Collected(inner.outputs["out"]))


@conforms(SECTION, "in a loop", loops)
def test_loops_nest_and_are_collected_in_order(tmp_path: Path) -> None:
    pairs = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]

    ran = run_pipeline(loops, tmp_path, use_cache=False, letters=["k", "l"], pairs=pairs)

    assert {"k x", "k y", "l x", "l y"} <= set(ran.journal)
    assert ran.journal.count('inner ["x","y"]') == 2
    assert 'letters ["k","l"]' in ran.journal
    assert 'nested ["x","y","x","y"]' in ran.journal
    assert "artifacts ['k', 'l']" in ran.journal
    assert "all ['x', 'y', 'x', 'y']" in ran.journal
    other = run_pipeline(
        loops, tmp_path / "vertex", like="vertex", use_cache=False, letters=["k", "l"], pairs=pairs
    )
    assert 'nested [["x","y"],["x","y"]]' in other.journal


@conforms(SECTION, "over nothing", loops, kubeflow="and collecting from it fails the run")
def test_a_loop_over_nothing_runs_nothing_and_collects_nothing(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="a loop over nothing"):
        compile_for(load(loops), "kubeflow", PROFILE, {"letters": [], "pairs": []})
    here = run_pipeline(loops, tmp_path / "here", letters=[], pairs=[])
    ran = run_pipeline(loops, tmp_path / "other", like="vertex", letters=[], pairs=[])

    assert here.states["collect-2"] == "failed"
    assert here.result.failures[0].message.endswith(
        "collects from a loop over nothing, for which Kubeflow fails. Give the list an item, put "
        "the loop and what collects from it into dsl.If, or run with --like vertex if it is not "
        "for Kubeflow."
    )
    assert sorted(ran.journal) == ["all []", "artifacts []", "letters []", "nested []"]
    assert ran.result.state == "succeeded"


@dsl.pipeline(name="limited")
def limited():
    with dsl.ParallelFor(["a", "b", "c"], parallelism=2) as name:
        slow(name=name, seconds=0.3)


@conforms(SECTION, "with `parallelism`", limited)
def test_no_more_iterations_than_allowed_run_at_once(tmp_path: Path) -> None:
    running, most = 0, 0
    for line in run_pipeline(limited, tmp_path).journal:
        running += 1 if line.endswith("starts") else -1
        most = max(most, running)

    assert most == 2


@dsl.pipeline(name="in-conditions")
def in_conditions(letters: list, flag: bool = True):
    with dsl.If(flag == True), dsl.ParallelFor(letters) as letter:  # noqa: E712
        step(name="if", value=letter)
    with dsl.ExitHandler(note_status()), dsl.ParallelFor(letters) as letter:
        step(name="exit", value=letter)


@conforms(SECTION, "in `If` and `ExitHandler`, over a parameter", in_conditions)
def test_a_loop_may_stand_in_a_condition_and_in_an_exit_handler(tmp_path: Path) -> None:
    journal = set(run_pipeline(in_conditions, tmp_path, letters=["a"]).journal)

    assert journal == {"if a", "exit a", "status COMPLETE exit-handler-3 "}


@dsl.pipeline(name="dicts-in-a-condition")
def dicts_in_a_condition(flag: bool = True):
    with dsl.If(flag == True), dsl.ParallelFor([{"a": "x"}]) as pair:  # noqa: E712
        step(name="if", value=pair.a)


@dsl.pipeline(name="text-of-an-item")
def text_of_an_item(letters: list, flag: bool = True):
    with dsl.If(flag == True), dsl.ParallelFor(letters) as letter:  # noqa: E712
        step(name="if", value=f"<{letter}>")


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        (dicts_in_a_condition, "loops over a list of dicts inside If or ExitHandler"),
        (text_of_an_item, "loops over `letters` and puts the item into an f-string"),
    ],
)
def test_what_kfp_loses_is_refused_where_nobody_mends_it(pipeline: Any, words: str) -> None:
    with pytest.raises(CompileError, match=words):
        lint(load(pipeline).spec, target_named("local"), {})


def run_compiled(pipeline: Any, directory: Path, **parameters: Any) -> list[str]:
    document = compile_for(load(pipeline), "local", PROFILE).document
    return sorted(run_pipeline(document, directory, **parameters).journal)


@conforms(SECTION, "in `If` and `ExitHandler`, over constant dicts", dicts_in_a_condition)
@conforms(SECTION, "an item in an f-string, in `If`, `ExitHandler` or a loop", text_of_an_item)
def test_the_compiler_mends_what_kfp_loses(tmp_path: Path) -> None:
    assert run_compiled(dicts_in_a_condition, tmp_path) == ["if x"]
    assert run_compiled(text_of_an_item, tmp_path, letters=["a", "ü"]) == ["if <a>", "if <ü>"]


@dsl.pipeline(name="keys-of-items")
def keys_of_items(pairs: list, word: str):
    with dsl.ParallelFor([{"n": 1, "a": "x"}, {"n": 2, "a": "it's"}]) as pair:
        step(name="constant", value=f"{pair.a}/{word}")
        with dsl.If(pair.n == 1):
            step(name="if", value=f"{pair.a}/{pair.n}")
    with dsl.ParallelFor(pairs) as pair:
        with dsl.ParallelFor([1, 2]) as count:
            step(name="nested", value=f"{pair.a}/{count}/{word}")
        with dsl.ParallelFor(pair.letters) as letter:
            step(name="letter", value=f"{pair.a}{letter}")


@conforms(SECTION, "keys of an item in an f-string, at any depth", keys_of_items)
def test_keys_of_an_item_may_stand_in_a_text(tmp_path: Path) -> None:
    pairs = [{"a": "u", "letters": ["v", "w"]}]

    assert run_compiled(keys_of_items, tmp_path, pairs=pairs, word="r") == [
        "constant it's/r",
        "constant x/r",
        "if x/1",
        "letter uv",
        "letter uw",
        "nested u/1/r",
        "nested u/2/r",
    ]


@dsl.pipeline(name="text-in-one-loop")
def text_in_one_loop(word: str):
    with dsl.ParallelFor(["a", "b"]) as letter:
        step(name="text", value=f"{letter}-{word}")


@conforms(SECTION, "an item in an f-string", text_in_one_loop)
def test_an_item_may_stand_in_a_text(tmp_path: Path) -> None:
    ran = run_pipeline(text_in_one_loop, tmp_path, word="ü")

    assert sorted(ran.journal) == ["text a-ü", "text b-ü"]


@dsl.pipeline(name="parameters")
def parameters():
    with dsl.ParallelFor([1, 2]) as count:
        one = number(value=count)
        several = items(value=[1, {"a": 2}])
    collect(name="numbers", values=dsl.Collected(one.outputs["result"]))
    collect(name="lists", values=dsl.Collected(several.outputs["result"]))
    same = items(value=dsl.Collected(one.outputs["result"]))
    with dsl.ParallelFor(same.outputs["result"]) as again:
        number(value=again)


@conforms(COLLECTED, "parameters", parameters)
def test_parameters_are_collected_with_their_types(tmp_path: Path) -> None:
    ran = run_pipeline(parameters, tmp_path, use_cache=False)

    assert "numbers [1,2]" in ran.journal
    assert 'lists [[1,{"a":2}],[1,{"a":2}]]' in ran.journal
    assert ran.journal.count("number 1") == 2


@dsl.pipeline(name="artifacts")
def artifacts():
    with dsl.ParallelFor(["b", "a"]) as letter:
        made = step(name="made", value=letter)
    collect_artifacts(name="all", artifacts=dsl.Collected(made.outputs["out"]))


@conforms(COLLECTED, "artifacts", artifacts, vertex="up to 100")
def test_artifacts_are_collected_in_the_order_of_the_items(tmp_path: Path) -> None:
    assert run_pipeline(artifacts, tmp_path).journal[-1] == "all ['b', 'a']"


@conforms(
    COLLECTED,
    "from a loop in a loop, inside and outside",
    loops,
    kubeflow="parameters, too, in one list",
    vertex="up to 100",
)
def test_a_loop_over_nothing_in_a_loop_collects_nothing_per_iteration(tmp_path: Path) -> None:
    ran = run_pipeline(loops, tmp_path, like="vertex", letters=["k", "l"], pairs=[])

    assert "nested [[],[]]" in ran.journal
    assert "all []" in ran.journal


@dsl.pipeline(name="make")
def make(letters: list) -> Made:
    with dsl.ParallelFor(letters) as letter:
        made = step(name="made", value=letter)
    return Made(
        texts=dsl.Collected(made.outputs["text"]), things=dsl.Collected(made.outputs["out"])
    )


@dsl.pipeline(name="from-a-pipeline")
def from_a_pipeline(letters: list):
    made = make(letters=letters)
    collect(name="texts", values=made.outputs["texts"])
    collect_artifacts(name="things", artifacts=made.outputs["things"])
    with dsl.ParallelFor(made.outputs["texts"]) as text:
        step(name="again", value=text)


@dsl.pipeline(name="over-artifacts")
def over_artifacts(letters: list):
    made = make(letters=letters)
    with dsl.ParallelFor(made.outputs["things"], parallelism=1) as thing:
        read(name="seen", item=thing)
        again = number(value=1).after(read(name="again", item=thing))
    collect(name="numbers", values=dsl.Collected(again.output))


@conforms(SECTION, "over artifacts", over_artifacts)
def test_a_loop_over_artifacts_gives_one_to_each_iteration(tmp_path: Path) -> None:
    journal = run_pipeline(over_artifacts, tmp_path, letters=["a", "b"]).journal
    seen = sorted(line for line in journal if line.startswith(("seen", "again")))
    assert seen == ["again a", "again b", "seen a", "seen b"]
    assert journal[-1] == "numbers [1,1]"

    none = run_pipeline(over_artifacts, tmp_path, like="vertex", letters=[])
    assert none.journal[-1] == "numbers []"


@conforms(COLLECTED, "as the output of a sub-pipeline", from_a_pipeline, vertex="up to 100")
def test_what_a_sub_pipeline_collected_is_its_output(tmp_path: Path) -> None:
    journal = run_pipeline(from_a_pipeline, tmp_path, letters=["a", "b"]).journal

    assert {'texts ["a","b"]', "things ['a', 'b']", "again a", "again b"} < set(journal)


@dsl.pipeline(name="some")
def some(letters: list):
    with dsl.ParallelFor(letters) as letter, dsl.If(letter != "b"):
        made = step(name="made", value=letter)
    collect(name="some", values=dsl.Collected(made.outputs["text"]))


@conforms(COLLECTED, "from a condition in a loop", some)
def test_iterations_that_skipped_a_task_are_left_out(tmp_path: Path) -> None:
    here = run_pipeline(some, tmp_path / "here", letters=["a", "b", "c"])
    ran = run_pipeline(some, tmp_path / "other", like="vertex", letters=["a", "b", "c"])

    assert here.result.failures[0].task == "collect"
    assert "for which Kubeflow's driver crashes. Give the condition" in str(here.result.failures)
    assert ran.journal[-1] == 'some ["a","c"]'


@dsl.pipeline(name="after-a-loop")
def after_a_loop():
    first = step(name="before", value="v")
    with dsl.ParallelFor(["a"], name="Over letters") as letter:
        read(name=letter, item=first.outputs["out"])


@conforms(SECTION, "with artifacts from outside, and a name", after_a_loop)
def test_an_iteration_reads_what_was_made_before_the_loop(tmp_path: Path) -> None:
    assert run_pipeline(after_a_loop, tmp_path).journal == ["before v", "a v"]

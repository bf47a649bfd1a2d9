"""Pipelines that would behave differently on Kubeflow, compiled to give the same results."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, List, Optional  # noqa: UP035  kfp knows these names only

import pytest
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend.loading import load
from support.cases.conformance_features import PROFILE
from support.cases.local_pipelines import (
    collect,
    collect_artifacts,
    fails,
    items,
    number,
    present,
    read,
    run_pipeline,
    step,
    tell,
)
from support.launcher import kubeflow_driver

failures, loops, parts, inputs = (
    importlib.import_module(f"test_{name}")
    for name in ("failures", "loops", "sub_pipelines", "task_inputs")
)


def on_kubeflow(pipeline: Any, directory: Path, **parameters: Any) -> kubeflow_driver.Ran:
    """Runs a pipeline, compiled like for `headrace submit`, by the rules of Kubeflow's driver."""
    document = compile_for(load(pipeline), "kubeflow", PROFILE, parameters).document
    return kubeflow_driver.run(document, directory / "kubeflow", parameters)


def goes_as_here(pipeline: Any, directory: Path, **parameters: Any) -> list[str]:
    """Returns the sorted lines that tasks write here, after a comparison with Kubeflow's."""
    here = run_pipeline(pipeline, directory, use_cache=False, **parameters)
    there = on_kubeflow(pipeline, directory, **parameters)
    assert (there.failed, there.lines) == ({}, sorted(here.journal))
    return there.lines


@dsl.pipeline(name="presence-below")
def presence_below(word: Optional[str] = None, item: dsl.Input[dsl.Artifact] = None):  # noqa: UP045
    present(text=word, item=item)


@dsl.pipeline(name="presence-at-depth")
def presence_at_depth(text: Optional[str] = None):  # noqa: UP045
    made = step(name="made").outputs["out"]
    presence_below(word="x")
    presence_below(item=made)
    presence_below(word=text, item=made)
    with dsl.ParallelFor(["l"]) as letter:
        presence_below(word=letter, item=made)


@pytest.mark.parametrize("given", [{}, {"text": "t"}])
def test_a_command_line_has_the_artifacts_that_are_there(
    given: dict[str, Any], tmp_path: Path
) -> None:
    assert goes_as_here(inputs.presence, tmp_path / "flat") == ["--text  an item", "no text"]
    lines = goes_as_here(presence_at_depth, tmp_path / "deep", **given)
    last = "--text t an item" if given else "no text an item"
    assert sorted([*lines, ""]) == sorted(
        ["", "made ", "--text x", "no text an item", last, "--text l an item"]
    )


@dsl.pipeline(name="handed-down")
def handed_down(word: Optional[str] = None, flag: bool = True):  # noqa: UP045
    made = step(name="made")
    with dsl.If(flag == True):  # noqa: E712
        parts.optional(word=word, item=made.outputs["out"])
    with dsl.ParallelFor(["a", "b"]) as letter:
        step(name=letter, value=word)


@pytest.mark.parametrize("given", [{}, {"word": "x"}])
def test_an_optional_parameter_may_be_absent_at_any_depth(
    given: dict[str, Any], tmp_path: Path
) -> None:
    goes_as_here(parts.optional_parameters, tmp_path / "one", **given)
    lines = goes_as_here(handed_down, tmp_path / "other", **given)

    word = given.get("word", "")
    assert {f"a {word}", f"b {word}"} < set(lines)


def test_an_optional_artifact_may_be_absent_at_any_depth(tmp_path: Path) -> None:
    assert set(goes_as_here(parts.optional_artifacts, tmp_path)) == {
        "inner {} []",
        "inner {} ['item']",
        "made ",
    }


@dsl.pipeline(name="guarded")
def guarded(word: Optional[str] = None, has_word: bool = False):  # noqa: UP045
    with dsl.If(has_word == True):  # noqa: E712
        step(name=f"<{word}>", value="x")
        with dsl.If(word == "w"):
            step(name="w")
    step(name="always")


def test_a_branch_that_is_not_taken_may_lack_a_value(tmp_path: Path) -> None:
    assert goes_as_here(guarded, tmp_path) == ["always "]


@dsl.container_component
def needs(word: Optional[str] = None):  # noqa: UP045
    return dsl.ContainerSpec(image="test", command=["echo"], args=[word])


@dsl.container_component
def required(word: str):
    return dsl.ContainerSpec(image="test", command=["echo"], args=[word])


def lacking(make: Callable[..., Any], kind: Any) -> Any:
    def lacks(word=None):
        make(word)

    lacks.__annotations__ = {"word": Optional[kind]}  # noqa: UP045
    return dsl.pipeline(name="lacks")(lacks)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda word: needs(word=word), str, "task `needs`: its command line needs `word`"),
        (lambda word: required(word=word), str, "task `required`: its command line needs `word`"),
        (
            lambda word: step(name="s", value=f"{word}!"),
            str,
            "task `step`: a text, its image or its machine is made with `word`",
        ),
    ],
)
def test_a_value_that_is_needed_and_not_given_is_missed_before_the_run(
    make: Callable[..., Any], kind: Any, words: str
) -> None:
    pipeline = load(lacking(make, kind))

    compile_for(pipeline, "kubeflow", PROFILE)  # nothing is known yet
    compile_for(pipeline, "kubeflow", PROFILE, {"word": "x"})
    with pytest.raises(CompileError, match=f"^lacks: {words}, which has no value. Pass one, or"):
        compile_for(pipeline, "kubeflow", PROFILE, {})


@dsl.pipeline(name="compares")
def compares(word: Optional[str] = None, words: Optional[list] = None):  # noqa: UP045
    with dsl.If(word == "x"):
        step(name="if")
    with dsl.ParallelFor(words) as each:
        step(name=each)


def test_conditions_and_loops_need_their_values() -> None:
    with pytest.raises(CompileError, match="`condition-1`: its condition compares `word`, which"):
        compile_for(load(compares), "kubeflow", PROFILE, {"words": []})
    with pytest.raises(CompileError, match="`for-loop-2`: it loops over `words`, which has no"):
        compile_for(load(compares), "kubeflow", PROFILE, {"word": "x"})


@dsl.pipeline(name="never-given")
def never_given():
    needs()


@pytest.mark.parametrize("target", ["local", "kubeflow"])
def test_a_command_line_without_its_value_is_refused(target: str) -> None:
    with pytest.raises(CompileError, match=r"write it as `dsl\.IfPresentPlaceholder"):
        compile_for(load(never_given), target, PROFILE)


@dsl.pipeline(name="letters-but-b")
def letters_but_b(letters: list) -> List[str]:  # noqa: UP006
    with dsl.ParallelFor(letters) as letter, dsl.If(letter != "b"):
        made = step(name="made", value=letter)
    return dsl.Collected(made.outputs["text"])


@dsl.pipeline(name="through-a-pipeline")
def through_a_pipeline(letters: list):
    collect(name="all", values=letters_but_b(letters=letters).output)


@dsl.pipeline(name="of-artifacts")
def of_artifacts(letters: list):
    with dsl.ParallelFor(letters) as outer, dsl.If(outer != "b"):
        with dsl.ParallelFor(letters) as letter:
            made = step(name="made", value=letter)
        read(name="last", item=step(name="b").outputs["out"])
    collect_artifacts(name="all", artifacts=dsl.Collected(made.outputs["out"]))


@dsl.pipeline(name="condition-around")
def condition_around(letters: list, flag: bool = True):
    with dsl.If(flag == True):  # noqa: E712
        with dsl.ParallelFor(letters) as letter:
            made = step(name="made", value=letter)
        collect(name="all", values=dsl.Collected(made.outputs["text"]))


@dsl.pipeline(name="one-of")
def one_of(letters: list):
    with dsl.ParallelFor(letters) as letter:
        with dsl.If(letter != "b"):
            made = step(name="made", value=letter)
        with dsl.Else():
            other = step(name="other", value="-")
        text = dsl.OneOf(made.outputs["text"], other.outputs["text"])
        again = step(name="again", value=text)
    collect(name="all", values=dsl.Collected(again.outputs["text"]))


@pytest.mark.parametrize("pipeline", [loops.some, through_a_pipeline, of_artifacts])
def test_what_is_collected_from_a_condition_in_a_loop_is_refused(pipeline: Any) -> None:
    compile_for(load(pipeline), "vertex", PROFILE)
    with pytest.raises(
        CompileError, match=r"task `collect.*from `.*condition-\d`, a condition in a"
    ):
        compile_for(load(pipeline), "kubeflow", PROFILE)


def test_what_is_collected_from_a_loop_over_nothing_is_refused_where_it_is_known() -> None:
    collected = load(loops.loops)

    compile_for(collected, "kubeflow", PROFILE)
    compile_for(collected, "vertex", PROFILE, {"letters": [], "pairs": []})
    compile_for(collected, "kubeflow", PROFILE, {"letters": ["a"], "pairs": [{"a": 1, "b": "x"}]})
    with pytest.raises(CompileError, match="`values` from `for-loop-1`, a loop over nothing in"):
        compile_for(collected, "kubeflow", PROFILE, {"letters": [], "pairs": []})
    with pytest.raises(CompileError, match="from `for-loop-1/for-loop-2`, a loop over nothing in"):
        compile_for(collected, "kubeflow", PROFILE, {"letters": ["a"], "pairs": []})


def test_what_to_write_instead_goes_as_here(tmp_path: Path) -> None:
    letters = ["a", "b"]

    assert 'all ["a","-"]' in goes_as_here(one_of, tmp_path / "of", letters=letters)
    around = goes_as_here(condition_around, tmp_path / "around", letters=letters)
    assert 'all ["a","b"]' in around


def test_what_is_collected_from_loops_in_loops_is_in_one_list(tmp_path: Path) -> None:
    given = {"letters": ["k", "l"], "pairs": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]}

    assert 'nested ["x","y","x","y"]' in goes_as_here(loops.loops, tmp_path / "loops", **given)
    lines = goes_as_here(from_sub_pipelines, tmp_path / "sub-pipelines", letters=["a", "b"])
    assert {'all ["a","b","a","b"]', "lists [[1],[1]]"} < set(lines)


@dsl.pipeline(name="made-below")
def made_below(letters: list) -> List[str]:  # noqa: UP006
    with dsl.ParallelFor(letters) as letter:
        made = step(name="made", value=letter)
    return dsl.Collected(made.outputs["text"])


@dsl.pipeline(name="from-sub-pipelines")
def from_sub_pipelines(letters: list):
    with dsl.ParallelFor([1, 2]) as count:
        made = made_below(letters=letters).after(number(value=count))
        lists = items(value=[1])  # one value of a task, which is a list
    collect(name="all", values=dsl.Collected(made.output))
    collect(name="lists", values=dsl.Collected(lists.outputs["result"]))


@dsl.component
def numbers() -> list:
    return [1, 10]


@dsl.component
def told() -> list:
    return [{"n": 2, "more": [3, 4], "deep": {"a": True}}, {"n": 5, "more": [], "deep": {}}]


@dsl.pipeline(name="double")
def below(n: int):
    number(value=n)


@dsl.pipeline(name="untyped")
def untyped(sizes: list, lists: list, rows: list, flags: list):
    with dsl.ParallelFor(sizes) as size:
        step(name=f"<{size}>", value=size)
        below(n=size)
        with dsl.If(size > 9):
            number(value=size)
        with dsl.Elif(size == 3):
            step(name="three", value=size)
        with dsl.Else():
            step(name="else", value=size)
    with dsl.ParallelFor(lists) as each:
        collect(name="list", values=each)
    with dsl.ParallelFor(rows) as row:
        tell(values=row, n=row.n, x=row.x)
        with dsl.ParallelFor(row.more) as inner:
            number(value=inner)
    with dsl.ParallelFor(flags) as flag:
        tell(flag=flag)
        with dsl.If(flag == True):  # noqa: E712
            step(name="true", value=flag)


@dsl.pipeline(name="untyped-outputs")
def untyped_outputs():
    with dsl.ParallelFor(numbers().output) as size:
        number(value=size)
    with dsl.ParallelFor(told().output) as row:
        number(value=row.n)
        tell(values=row.deep)
        with dsl.ParallelFor(row.more) as inner:
            below(n=inner)


def test_a_loop_over_an_untyped_list_gives_what_its_tasks_take(tmp_path: Path) -> None:
    lines = goes_as_here(
        untyped,
        tmp_path,
        sizes=[1, 10, 3],
        lists=[[1, "a"], []],
        rows=[{"n": 1, "x": 2.5, "more": [7]}, {"n": 2, "x": 0.25, "more": [8]}],
        flags=[True, False],
    )

    assert {"<10> 10", "<1> 1", "three 3", "else 1", "true true", 'list [1,"a"]', "list []"} < set(
        lines
    )
    counts = [line for line in lines if line.startswith("number")]
    assert counts == [f"number {each}" for each in (1, 10, 10, 3, 7, 8)]


def test_a_loop_over_an_untyped_output_gives_what_its_tasks_take(tmp_path: Path) -> None:
    lines = goes_as_here(untyped_outputs, tmp_path)

    assert [line for line in lines if line.startswith("number")] == [
        f"number {each}" for each in (1, 10, 2, 3, 4, 5)
    ]


@dsl.pipeline(name="both")
def both(values: list):
    with dsl.ParallelFor(values) as value:
        number(value=value)
        collect(name="x", values=value)


def test_an_item_that_is_taken_as_two_types_is_refused() -> None:
    with pytest.raises(CompileError, match="`values` of `collect` as list and by `value` of `num"):
        compile_for(load(both), "kubeflow", PROFILE)


@pytest.mark.parametrize("sizes", [["1"], [1, None], [1, True], [1, [2]], [1, 2.5]])
def test_items_of_another_type_are_refused_before_the_run(sizes: list[Any], tmp_path: Path) -> None:
    given: dict[str, Any] = {"sizes": sizes, "lists": [], "rows": [], "flags": []}

    words = (
        rf"task `for-loop-1`: item {len(sizes) - 1} of the list that it loops over is .* take int"
    )
    with pytest.raises(CompileError, match=words):
        run_pipeline(untyped, tmp_path, **given)
    with pytest.raises(CompileError, match=words):
        on_kubeflow(untyped, tmp_path, **given)


def test_an_item_of_another_type_fails_here_as_there(tmp_path: Path) -> None:
    @dsl.pipeline(name="strings")
    def strings(values: list):
        with dsl.ParallelFor(items(value=values).output) as value:
            number(value=value)

    here = run_pipeline(strings, tmp_path, values=["1"])
    there = on_kubeflow(strings, tmp_path, values=["1"])

    assert there.failed == {
        "for-loop-1/0": 'input parameter "pipelinechannel--items-result-loop-item" type mismatch: '
        "expect NUMBER_INTEGER, got string"
    }
    assert here.result.failures[0].task == "for-loop-1"
    assert '-loop-item` is "1", a string, but it takes int' in here.result.failures[0].message


@dsl.pipeline(name="compared")
def compared(values: list, most: int):
    with dsl.ParallelFor(values) as value, dsl.If(value == most):
        number(value=value)


def test_an_untyped_item_compared_with_a_number_is_told_its_type() -> None:
    with pytest.raises(CompileError, match=r"Give the list a type, for example `List\[int\]`\.$"):
        compile_for(load(compared), "kubeflow", PROFILE)


@dsl.component
def hear(status: dsl.PipelineTaskFinalStatus, who: str):
    import os
    from pathlib import Path

    words = f"{who} {status.state} {status.pipeline_task_name} {bool(status.error_message)}\n"
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(words)


@dsl.pipeline(name="handled")
def handled(fail: bool, good: bool, who: str):
    with dsl.ExitHandler(hear(who=f"<{who}>")):
        with dsl.If(fail == True):  # noqa: E712
            fails(name="bad")
        with dsl.If(good == True):  # noqa: E712
            step(name="good")


@pytest.mark.parametrize(
    ("fail", "good", "told"),
    [
        (False, True, "SUCCEEDED exit-handler-1 False"),
        (False, False, "SUCCEEDED exit-handler-1 False"),
        (True, True, "FAILED exit-handler-1 True"),
    ],
)
def test_a_python_component_is_told_how_tasks_ended_in_kfps_words(
    fail: bool, good: bool, told: str, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"fail": fail, "good": good, "who": 'a"b'}

    here = run_pipeline(handled, tmp_path, **given)
    there = on_kubeflow(handled, tmp_path, **given)

    line = f'<a"b> {told}'
    assert line in there.lines
    assert line in here.journal
    assert there.state == ("FAILED" if fail else "SUCCEEDED")


def test_other_components_are_told_what_kubeflow_tells_and_their_author_too(
    tmp_path: Path,
) -> None:
    lines = goes_as_here(failures.exits, tmp_path / "good", fail=False)
    there = on_kubeflow(failures.guarded, tmp_path / "none", fail=False)
    notes = compile_for(load(failures.exits), "kubeflow", PROFILE).notes

    assert "status COMPLETE exit-handler-1 " in lines
    assert there.lines == ["status RUNNING exit-handler-1 "]
    (note,) = notes
    assert note.startswith("exits: task `note-status`: `status` has the state COMPLETE or RUNNING")
    assert compile_for(load(handled), "kubeflow", PROFILE).notes == ()
    assert compile_for(load(failures.exits), "vertex", PROFILE).notes == ()


def test_who_compiles_is_told_which_parameters_a_run_must_have() -> None:
    (note,) = compile_for(load(handed_down), "kubeflow", PROFILE).notes

    assert note.startswith("handed-down: Kubeflow fails where `word` has no value, since a sub-")
    assert compile_for(load(handed_down), "kubeflow", PROFILE, {}).notes == ()


@dsl.component
def look(label: str, item: dsl.Input[dsl.Dataset]):
    import json
    import os
    from pathlib import Path

    told = {name: item.metadata[name] for name in sorted(item.metadata)}
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(f"{label} {json.dumps(told)}\n")


@dsl.pipeline(name="imported-part")
def imported_part(uri: str, owner: str, count: int):
    first = dsl.importer(
        artifact_uri=uri,
        artifact_class=dsl.Dataset,
        metadata={"owner": owner, "count": count, "title": f"of {owner}"},
    )
    look(label="first", item=first.output)
    again = dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset, reimport=True)
    look(label="again", item=again.output)


@dsl.pipeline(name="imported")
def imported(uri: str, owner: str = "me"):
    imported_part(uri=uri, owner=owner, count=3)


def test_metadata_of_an_importer_are_filled_in_when_a_run_is_started(tmp_path: Path) -> None:
    given = {"uri": str(tmp_path / "given.txt"), "owner": 'a"b'}
    (tmp_path / "given.txt").touch()

    lines = goes_as_here(imported, tmp_path, **given)
    default = on_kubeflow(imported, tmp_path / "default", uri=given["uri"])

    told = r'"count": 3, "owner": "a\"b", "title": "of a\"b"'
    assert lines == ["again {}", f"first {{{told}}}"]
    assert '"owner": "me", "title": "of me"' in default.lines[1]
    with pytest.raises(CompileError, match="keeps the placeholder of `owner` in the importer's"):
        compile_for(load(imported), "kubeflow", PROFILE)
    compile_for(load(imported), "vertex", PROFILE)


@dsl.pipeline(name="said-by-a-task")
def said_by_a_task():
    told = step(name="told", value="me")
    dsl.importer("gs://a/b", dsl.Dataset, metadata={"owner": told.outputs["text"]})


@dsl.pipeline(name="once")
def imported_once(uri: str):
    dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset, metadata={"a": 1})


@dsl.pipeline(name="twice")
def twice(uri: str):
    imported_once(uri=uri)
    dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset, metadata={"a": 1, "b": 2})
    dsl.importer(artifact_uri=uri, artifact_class=dsl.Model)


def test_what_kubeflow_would_say_of_an_import_otherwise_is_refused() -> None:
    with pytest.raises(CompileError, match="placeholder of `text` of task `step` in the importer"):
        compile_for(load(said_by_a_task), "kubeflow", PROFILE, {})
    words = "`once/importer`: target kubeflow gives it the artifact of `importer`, which imports"
    with pytest.raises(CompileError, match=words):
        compile_for(load(twice), "kubeflow", PROFILE)
    compile_for(load(twice), "vertex", PROFILE)


@dsl.component
def make_one(n: int, out: dsl.Output[dsl.Dataset]):
    from pathlib import Path

    Path(out.path).write_text(str(n), "utf-8")


@dsl.component
def read_all(made: dsl.Input[List[dsl.Dataset]]):  # noqa: UP006
    import os
    from pathlib import Path

    texts = [f"{type(each).__name__} {Path(each.path).read_text('utf-8')}" for each in made]
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(f"{texts}\n")


@dsl.pipeline(name="lists-of-artifacts")
def lists_of_artifacts():
    with dsl.ParallelFor([1, 2]) as n:
        one = make_one(n=n)
    read_all(made=dsl.Collected(one.outputs["out"]))


def test_a_python_component_reads_a_list_of_artifacts(tmp_path: Path) -> None:
    assert goes_as_here(lists_of_artifacts, tmp_path) == ["['Dataset 1', 'Dataset 2']"]


def test_a_command_line_joins_texts_values_and_what_is_present(tmp_path: Path) -> None:
    lines = goes_as_here(inputs.joined, tmp_path, text='it\'s "ü" {{x}}')

    assert lines == ["--left= --right=<0>", '--left=it\'s "ü" {{x}}']


@dsl.container_component
def flags(text: Optional[str] = None, count: Optional[int] = None):  # noqa: UP045
    return dsl.ContainerSpec(
        image="test",
        command=["sh", "-c", 'echo "$@" >> "$JOURNAL"', "sh"],
        args=[
            dsl.IfPresentPlaceholder("count", then=[dsl.ConcatPlaceholder(["--n=", count])]),
            dsl.IfPresentPlaceholder(
                "text", then=[dsl.ConcatPlaceholder(["--text=", text, "!"])], else_=["none"]
            ),
        ],
    )


@dsl.pipeline(name="flagged")
def flagged(text: Optional[str] = None, count: Optional[int] = None):  # noqa: UP045
    flags(text=text, count=count)
    flags(text="x", count=count)


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        ({}, ["--text=x!", "none"]),
        ({"text": "", "count": 0}, ["--n=0 --text=!", "--n=0 --text=x!"]),
    ],
)
def test_what_is_joined_where_an_input_is_present_is_one_argument(
    given: dict[str, Any], lines: list[str], tmp_path: Path
) -> None:
    assert goes_as_here(flagged, tmp_path, **given) == lines

    document = compile_for(load(flagged), "kubeflow", PROFILE).document  # nothing is known yet
    assert kubeflow_driver.run(document, tmp_path / "later", given).lines == lines


@dsl.container_component
def nested_flags(text: Optional[str] = None, count: Optional[int] = None):  # noqa: UP045
    either = dsl.IfPresentPlaceholder("text", then=text)
    return dsl.ContainerSpec(
        image="test",
        command=["echo"],
        args=[dsl.IfPresentPlaceholder("count", then=[dsl.ConcatPlaceholder([count, either])])],
    )


@dsl.pipeline(name="nested-flags")
def nested_flagged(text: Optional[str] = None, count: Optional[int] = None):  # noqa: UP045
    nested_flags(text=text, count=count)


def test_what_cannot_be_joined_yet_is_refused() -> None:
    compile_for(load(nested_flagged), "kubeflow", PROFILE, {"count": 1})
    with pytest.raises(CompileError, match="target kubeflow does not replace a ConcatPlaceholder"):
        compile_for(load(nested_flagged), "kubeflow", PROFILE)

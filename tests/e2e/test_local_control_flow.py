"""Every construct of kfp that the interpreter knows, each in a small pipeline that runs."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from local_pipelines import (
    collect,
    collect_artifacts,
    compiled,
    fails,
    flaky,
    items,
    note_executor_input,
    note_status,
    number,
    read,
    run_pipeline,
    step,
)


@pytest.fixture(autouse=True)
def _journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal.txt"))


@dsl.pipeline(name="linear")
def linear(value: str = "a"):
    first = step(name="first", value=value)
    second = step(name="second", value=first.outputs["text"])
    read(name="third", item=second.outputs["out"])


def test_outputs_of_one_task_are_inputs_of_the_next(tmp_path: Path) -> None:
    ran = run_pipeline(linear, tmp_path, value='it\'s "here"\n{{$}}')

    assert ran.result.state == "succeeded"
    assert ran.journal[0] == 'first it\'s "here"'
    assert ran.journal[-2:] == ['third it\'s "here"', "{{$}}"]


@dsl.pipeline(name="branches")
def branches(city: str, count: int, share: float = 0.5, flag: bool = True):
    with dsl.If(city == "Paris"):
        paris = step(name="paris", value="p")
    with dsl.Elif(count > 2):
        many = step(name="many", value="m")
    with dsl.Else():
        other = step(name="other", value="o")
    chosen = dsl.OneOf(paris.outputs["out"], many.outputs["out"], other.outputs["out"])
    word = dsl.OneOf(paris.outputs["text"], many.outputs["text"], other.outputs["text"])
    read(name="artifact", item=chosen)
    step(name="parameter", value=word)
    with dsl.If(flag == True):  # noqa: E712  kfp turns the comparison into a condition
        step(name="flag")
    with dsl.If(share < 0.25):
        step(name="small")


@pytest.mark.parametrize(
    ("city", "count", "chosen"),
    [
        ("Paris", 9, "paris p"),
        ("O'Hare", 3, "many m"),
        ("' || true || '", 1, "other o"),
        ('Paris"', 2, "other o"),
    ],
)
def test_the_first_branch_whose_condition_holds_runs_and_no_other(
    city: str, count: int, chosen: str, tmp_path: Path
) -> None:
    ran = run_pipeline(branches, tmp_path, city=city, count=count)

    ours = {"paris p", "many m", "other o"}
    assert ours & set(ran.journal) == {chosen}
    assert {f"artifact {chosen[-1]}", f"parameter {chosen[-1]}", "flag "} <= set(ran.journal)
    assert "small " not in ran.journal
    assert sorted(ran.states.values()).count("skipped") == 3


@dsl.pipeline(name="after-branch")
def after_branch(flag: bool):
    with dsl.If(flag == True):  # noqa: E712
        step(name="inner")
    step(name="after")
    step(name="aside")


def test_what_depends_on_a_skipped_branch_is_skipped(tmp_path: Path) -> None:
    # kfp has no way to write it, but other compilers of the same format do.
    spec = _changed(
        after_branch, lambda tasks: tasks["step-2"].update(dependentTasks=["condition-1"])
    )

    ran = run_pipeline(spec, tmp_path, flag=False)

    assert ran.journal == ["aside "]
    assert ran.result.state == "succeeded"


@dsl.pipeline(name="loops")
def loops(letters: list, pairs: list):
    with dsl.ParallelFor(letters) as letter:
        with dsl.ParallelFor(pairs) as pair:
            inner = step(name=letter, value=pair.b)
        outer = step(name="outer", value=letter)
    collect(name="letters", values=dsl.Collected(outer.outputs["text"]))
    collect(name="nested", values=dsl.Collected(inner.outputs["text"]))
    collect_artifacts(name="artifacts", artifacts=dsl.Collected(outer.outputs["out"]))


def test_loops_nest_and_are_collected_in_order(tmp_path: Path) -> None:
    pairs = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]

    ran = run_pipeline(loops, tmp_path, letters=["k", "l"], pairs=pairs)

    assert {"k x", "k y", "l x", "l y"} <= set(ran.journal)
    assert 'letters ["k","l"]' in ran.journal
    assert 'nested [["x","y"],["x","y"]]' in ran.journal
    assert "artifacts ['k', 'l']" in ran.journal


def test_a_loop_over_nothing_runs_nothing_and_collects_nothing(tmp_path: Path) -> None:
    ran = run_pipeline(loops, tmp_path, letters=[], pairs=[])

    assert sorted(ran.journal) == ["artifacts []", "letters []", "nested []"]
    assert ran.result.state == "succeeded"


@dsl.pipeline(name="loop-over-output")
def loop_over_output(values: list):
    made = items(value=values)
    with dsl.ParallelFor(made.outputs["result"], parallelism=1) as value:
        doubled = number(value=value)
        with dsl.If(doubled.outputs["result"] >= 2):
            number(value=doubled.outputs["result"])


def test_a_loop_over_an_output_takes_its_items_with_their_types(tmp_path: Path) -> None:
    ran = run_pipeline(loop_over_output, tmp_path, use_cache=False, values=[1, 2, 3])

    assert ran.journal == ["number 1", "number 2", "number 2", "number 3", "number 3"]


@dsl.pipeline(name="raw-loop")
def raw_loop():
    with dsl.ParallelFor([{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]) as pair:
        step(name=pair.a, value=pair.b)


def test_a_loop_over_constant_dicts_takes_their_keys(tmp_path: Path) -> None:
    assert sorted(run_pipeline(raw_loop, tmp_path).journal) == ["1 x", "2 y"]


@dsl.pipeline(name="exits")
def exits(fail: bool):
    with dsl.ExitHandler(note_status()):
        with dsl.If(fail == True):  # noqa: E712
            fails(name="bad")
        step(name="good")


def test_an_exit_handler_hears_of_success(tmp_path: Path) -> None:
    ran = run_pipeline(exits, tmp_path, fail=False)

    assert ran.journal == ["good ", "status SUCCEEDED exit-handler-1 "]


def test_an_exit_handler_hears_of_the_failure_and_the_run_still_fails(tmp_path: Path) -> None:
    ran = run_pipeline(exits, tmp_path, fail=True)

    assert "good " in ran.journal
    assert ran.journal[-1].startswith("status FAILED exit-handler-1 ")
    assert "exit code 3: out of tea" in ran.journal[-1]
    assert ran.result.state == "failed"
    (failure,) = ran.result.failures
    assert failure.task == "exit-handler-1/condition-2/fails"
    assert failure.log is not None
    assert "out of tea" in failure.log.read_text("utf-8")


@dsl.pipeline(name="independent")
def independent():
    bad = fails(name="bad")
    step(name="dependant", value=bad.outputs["text"])
    first = step(name="one")
    step(name="two").after(first)


def test_what_does_not_depend_on_a_failed_task_still_finishes(tmp_path: Path) -> None:
    ran = run_pipeline(independent, tmp_path)

    assert sorted(ran.journal) == ["bad", "one ", "two "]
    assert ran.states["step"] == "skipped"
    assert ran.result.state == "failed"
    reasons = {task.name: task.reason for task in ran.result.tasks}
    assert reasons["step"] == "fails failed"


@dsl.pipeline(name="ignores")
def ignores():
    bad = fails(name="bad")
    step(name="anyway", value=bad.outputs["text"]).ignore_upstream_failure()


def test_a_task_that_ignores_failures_runs_with_its_defaults(tmp_path: Path) -> None:
    ran = run_pipeline(ignores, tmp_path)

    assert ran.journal == ["bad", "anyway "]
    assert ran.result.state == "failed"


@dsl.pipeline(name="retries")
def retries(failures: int):
    flaky(name="flaky", failures=failures).set_retry(2, backoff_duration="0s")


def test_a_task_that_fails_twice_succeeds_at_the_third_try(tmp_path: Path) -> None:
    ran = run_pipeline(retries, tmp_path, failures=2)

    assert ran.journal == ["flaky"] * 3
    assert ran.result.state == "succeeded"


def test_a_task_that_fails_once_too_often_fails(tmp_path: Path) -> None:
    ran = run_pipeline(retries, tmp_path, failures=3)

    assert ran.journal == ["flaky"] * 3
    assert ran.result.state == "failed"


@dsl.pipeline(name="imports")
def imports(uri: str, owner: str):
    imported = dsl.importer(
        artifact_uri=uri, artifact_class=dsl.Artifact, metadata={"owner": owner}
    )
    read(name="imported", item=imported.output)


def test_an_importer_hands_on_an_existing_file(tmp_path: Path) -> None:
    file = tmp_path / "given.txt"
    file.write_text("mine", "utf-8")

    ran = run_pipeline(imports, tmp_path, uri=str(file), owner="me")

    assert ran.journal == ["imported mine"]
    (artifact,) = ran.result.tasks[0].artifacts["artifact"]
    assert (artifact.uri, artifact.metadata) == (str(file), {"owner": "me"})


def test_an_importer_of_nothing_is_an_error_that_names_the_path(tmp_path: Path) -> None:
    ran = run_pipeline(imports, tmp_path, uri="/gone.txt", owner="me")

    assert ran.result.failures[0].message.startswith(
        "importer: the importer's URI is '/gone.txt', but there is no /gone.txt."
    )


def test_a_changed_file_behind_an_importer_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "given.txt"
    journals = []
    for text in ("one", "one", "three"):
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")
        journals.append(run_pipeline(imports, tmp_path, uri=str(file), owner="me").journal)

    assert journals == [["imported one"], [], ["imported three"]]


@dsl.pipeline(name="inner")
def inner_pipeline(value: str = "default") -> str:
    return step(name="inner", value=value).outputs["text"]


@dsl.pipeline(name="outer")
def outer_pipeline(value: str) -> str:
    given = inner_pipeline(value=value)
    inner_pipeline()
    return step(name="outer", value=given.output).outputs["text"]


def test_a_pipeline_within_a_pipeline_takes_and_gives_values(tmp_path: Path) -> None:
    ran = run_pipeline(outer_pipeline, tmp_path, value="v")

    assert sorted(ran.journal) == ["inner default", "inner v", "outer v"]
    assert ran.result.parameters == {"Output": "v"}


@dsl.pipeline(name="optional")
def optional():
    made = step(name="made", value="m")
    note_executor_input(name="without")
    note_executor_input(name="with", value="v", item=made.outputs["out"])


def test_an_optional_input_without_a_value_is_not_there(tmp_path: Path) -> None:
    ran = run_pipeline(optional, tmp_path)

    assert "without {} [] without name=without" in ran.journal
    (line,) = [line for line in ran.journal if line.startswith("with ")]
    assert line.startswith('with {"value": "v"} [\'item\'] with /')


@dsl.pipeline(name="placeholders")
def placeholders(value: str, count: int):
    step(name="text", value=f"{value}-{count}")
    step(name="job", value=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
    step(name="task", value=dsl.PIPELINE_TASK_NAME_PLACEHOLDER)


def test_texts_with_parameters_in_them_are_filled(tmp_path: Path) -> None:
    ran = run_pipeline(placeholders, tmp_path, value="{{$.inputs}}", count=3)

    assert set(ran.journal) == {
        "text {{$.inputs}}-3",
        f"job {ran.result.run_id}",
        "task step-3",
    }


@dsl.component(packages_to_install=["a-package-that-does-not-exist"])
def lightweight(words: list, count: int) -> str:
    return "-".join(words * count)


@dsl.pipeline(name="light")
def light() -> str:
    return lightweight(words=["a", "b"], count=2).output


def test_a_lightweight_component_runs_in_this_environment(tmp_path: Path) -> None:
    ran = run_pipeline(light, tmp_path)

    assert ran.result.parameters == {"Output": "a-b-a-b"}


def test_a_condition_that_is_not_understood_fails_and_is_not_taken_for_false(
    tmp_path: Path,
) -> None:
    condition = "inputs.parameter_values['pipelinechannel--flag'].size() > 1"
    spec = _changed(
        after_branch,
        lambda tasks: tasks["condition-1"]["triggerPolicy"].update(condition=condition),
    )

    ran = run_pipeline(spec, tmp_path, flag=True)

    assert ran.result.state == "failed"
    assert "could not be decided: '.' is not understood there" in ran.result.failures[0].message


def _changed(pipeline: Any, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    spec = compiled(pipeline)
    change(spec["root"]["dag"]["tasks"])
    return spec

"""The inputs of a task: values of every type, texts, placeholders, settings."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

from pathlib import Path
from typing import NamedTuple

import kfp
import pytest
from kfp import dsl

from headrace.compilation.passes.lint import lint
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import load
from support.cases.conformance_features import conforms
from support.cases.local_pipelines import (
    collect,
    join,
    note_inputs,
    note_variable,
    present,
    read,
    run_pipeline,
    step,
    tell,
)

SECTION = "Inputs of a task"
SETTINGS = "Settings of a task"
REPLACED = "but what looks like a placeholder is replaced, and refused as a parameter of the run"
FILLED = "where they go into arguments; a task that reads `{{$}}` is refused"
HARD = 'it\'s "ü"\n\\ {{$}} {{$.inputs}} $(A) $$ \U0001f426'
TOLD = (
    '{"values": {"a": {"b": 1}, "c": [1, 2.5]}, "x": 2, "n": 3, "flag": true, "text": "3", '
    '"several": [1, "it\'s \\"ü\\"", [1]]}'
)
SEVERAL = [1, 'it\'s "ü"', [1]]
VALUES = {"a": {"b": 1}, "c": [1, 2.5]}


@dsl.pipeline(name="constants")
def constants():
    tell(values=VALUES, x=2.0, n=3, flag=True, text="3", several=SEVERAL)


@dsl.pipeline(name="parameters")
def parameters(values: dict, x: float, n: int, flag: bool, text: str, several: list):
    tell(values=values, x=x, n=n, flag=flag, text=text, several=several)


@dsl.component
def give() -> NamedTuple(  # type: ignore[valid-type]
    "Given",
    [("values", dict), ("x", float), ("n", int), ("flag", bool), ("text", str), ("several", list)],
):
    several = [1, 'it\'s "ü"', [1]]
    return {"a": {"b": 1}, "c": [1, 2.5]}, 2.0, 3, True, "3", several


@dsl.pipeline(name="outputs")
def outputs():
    given = give().outputs
    tell(
        values=given["values"],
        x=given["x"],
        n=given["n"],
        flag=given["flag"],
        text=given["text"],
        several=given["several"],
    )


@conforms(SECTION, "constants of every type", constants)
def test_constants_of_every_type_arrive_as_they_are(tmp_path: Path) -> None:
    assert run_pipeline(constants, tmp_path).journal == [TOLD]


@conforms(SECTION, "parameters of every type", parameters)
def test_parameters_of_every_type_arrive_as_they_are(tmp_path: Path) -> None:
    ran = run_pipeline(
        parameters, tmp_path, values=VALUES, x=2, n=3, flag=True, text="3", several=SEVERAL
    )

    assert ran.journal == [TOLD]


@conforms(SECTION, "outputs of every type, of a lightweight component", outputs)
def test_outputs_of_every_type_arrive_as_they_are(tmp_path: Path) -> None:
    assert run_pipeline(outputs, tmp_path).journal == [TOLD]


@dsl.component
def half(counts: list, more: dict) -> str:
    return "ab"[: counts[0]] + str(list(range(more["n"])))


@dsl.pipeline(name="whole-numbers")
def whole_numbers() -> str:
    return half(counts=[1, 2], more={"n": 2}).output


@conforms(SECTION, "integers in lists and dicts", whole_numbers)
def test_an_integer_in_a_list_is_one_in_a_task(tmp_path: Path) -> None:
    # The compiled pipeline has 1.0 here: its only numbers are doubles.
    assert run_pipeline(whole_numbers, tmp_path).result.parameters == {"Output": "a[0, 1]"}


@dsl.pipeline(name="linear")
def linear(value: str):
    first = step(name="first", value=value)
    second = step(name="second", value=first.outputs["text"])
    read(name="third", item=second.outputs["out"])


@conforms(
    SECTION,
    "strings with quotes, line ends, Unicode and what looks like a placeholder",
    linear,
    kubeflow=REPLACED,
)
def test_any_text_passes_from_task_to_task(tmp_path: Path) -> None:
    ran = run_pipeline(linear, tmp_path, value=HARD)

    assert "\n".join(ran.journal) == "\n".join(
        f"{name} {HARD}" for name in ("first", "second", "third")
    )


@dsl.pipeline(name="texts")
def texts(value: str, count: int, values: dict, several: list):
    first = step(name="first", value=f"{value}|{count}|{values}|{several}")
    step(name="second", value=f"<{first.outputs['text']}|{value}>")


@conforms(SECTION, "f-strings, into a container component", texts, kubeflow=FILLED)
def test_texts_with_values_in_them_are_filled(tmp_path: Path) -> None:
    ran = run_pipeline(
        texts, tmp_path, value='"{{$.inputs}}"', count=3, values={"a": 1}, several=[1, "ü"]
    )

    text = '"{{$.inputs}}"|3|{"a":1}|[1,"ü"]'
    assert ran.journal == [f"first {text}", f'second <{text}|"{{{{$.inputs}}}}">']


@dsl.pipeline(name="in-lists")
def in_lists(value: str, count: int, several: list):
    collect(name="list", values=[value, count, {"several": several}, "x"])


@conforms(SECTION, "parameters in a list or dict, into a container component", in_lists)
def test_a_parameter_in_a_list_keeps_its_type(tmp_path: Path) -> None:
    ran = run_pipeline(in_lists, tmp_path, value='"q"', count=3, several=[1])

    assert ran.journal == ['list ["\\"q\\"",3,{"several":[1]},"x"]']


@dsl.pipeline(name="texts-in-lists")
def texts_in_lists(value: str):
    collect(name="list", values=["a", f"<{value}>"])


@conforms(
    SECTION,
    "f-strings in a list or dict, into a container component",
    texts_in_lists,
    since="2.14",
    kubeflow="refused, as parameters in a list or dict are",
)
def test_an_f_string_in_a_list_is_filled_or_refused(tmp_path: Path) -> None:
    if kfp.__version__.startswith("2.13."):
        with pytest.raises(CompileError, match="has an f-string with `value` in `values`"):
            lint(load(texts_in_lists).spec, target_named("local"), {})
    else:
        assert run_pipeline(texts_in_lists, tmp_path, value="v").journal == ['list ["a","<v>"]']


@dsl.pipeline(name="job")
def job():
    step(name="job", value=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
    step(name="task", value=dsl.PIPELINE_TASK_NAME_PLACEHOLDER)


@conforms(SECTION, "placeholders of the run and the task", job)
def test_a_task_is_told_its_run_and_its_name(tmp_path: Path) -> None:
    ran = run_pipeline(job, tmp_path)

    assert set(ran.journal) == {f"job {ran.result.run_id}", "task step-2"}


@dsl.pipeline(name="job-in-text")
def job_in_text():
    step(name="job", value=f"run-{dsl.PIPELINE_JOB_ID_PLACEHOLDER}")


@dsl.pipeline(name="looks-like-a-placeholder")
def looks_like_a_placeholder():
    step(name="text", value="{{$}} {{$.inputs}}")


@conforms(
    SECTION,
    "constants that look like placeholders, into a container component",
    looks_like_a_placeholder,
)
def test_a_constant_that_looks_like_a_placeholder_stays(tmp_path: Path) -> None:
    assert run_pipeline(looks_like_a_placeholder, tmp_path).journal == ["text {{$}} {{$.inputs}}"]


@dsl.pipeline(name="dollars")
def dollars(value: str):
    step(name="text", value=f"$$ $(HOME) {value}")


@conforms(SECTION, "constants with `$$` and `$(NAME)`, into a container component", dollars)
def test_dollars_of_a_constant_stay(tmp_path: Path) -> None:
    assert run_pipeline(dollars, tmp_path, value="x").journal == ["text $$ $(HOME) x"]


@dsl.container_component
def say_run():
    code = "import os, sys; open(os.environ['JOURNAL'], 'a').write(sys.argv[1])"
    return dsl.ContainerSpec(
        image="x",
        command=["python", "-c", code],
        args=[f"run-{dsl.PIPELINE_JOB_ID_PLACEHOLDER}"],
    )


@dsl.pipeline(name="job-in-an-argument")
def job_in_an_argument():
    say_run()


@conforms(
    SECTION,
    "placeholders of the run in the arguments of a container component",
    job_in_an_argument,
    by_rules=True,
)
def test_an_argument_has_the_run_in_it(tmp_path: Path) -> None:
    ran = run_pipeline(job_in_an_argument, tmp_path)

    assert ran.journal == [f"run-{ran.result.run_id}"]


@conforms(SECTION, "placeholders of the run in a longer text", job_in_text, by_rules=True)
def test_a_text_has_the_run_in_it(tmp_path: Path) -> None:
    ran = run_pipeline(job_in_text, tmp_path)

    assert ran.journal == [f"job run-{ran.result.run_id}"]


@dsl.pipeline(name="optional")
def optional():
    made = step(name="made", value="m")
    note_inputs(name="without")
    note_inputs(name="with", value="v", item=made.outputs["out"])


@conforms(SECTION, "optional parameters and artifacts", optional)
def test_an_optional_input_without_a_value_is_not_there(tmp_path: Path) -> None:
    ran = run_pipeline(optional, tmp_path)

    assert {"without {} []", 'with {"value": "v"} [\'item\']'} < set(ran.journal)


@dsl.pipeline(name="presence")
def presence():
    first = present()
    present(text="", item=first.outputs["out"])


@conforms(SECTION, "`IfPresentPlaceholder`", presence, by_rules=True)
def test_a_command_line_has_what_is_present(tmp_path: Path) -> None:
    assert run_pipeline(presence, tmp_path).journal == ["no text", "--text  an item"]


@dsl.pipeline(name="joined")
def joined(text: str):
    join(left=text)
    join(left="", right=0)


@conforms(SECTION, "`ConcatPlaceholder`, with `IfPresentPlaceholder` in it", joined, by_rules=True)
def test_a_command_line_joins_texts_and_values(tmp_path: Path) -> None:
    journal = "\n".join(run_pipeline(joined, tmp_path, text=HARD).journal)

    assert f"--left={HARD}" in journal
    assert "--left= --right=<0>" in journal


@dsl.component
def lightweight(words: list, count: int) -> str:
    return "-".join(words * count)


@dsl.pipeline(name="light")
def light() -> str:
    return lightweight(words=["a", "b"], count=2).output


@conforms(SECTION, "lightweight Python components", light)
def test_a_lightweight_component_runs_in_this_environment(tmp_path: Path) -> None:
    assert run_pipeline(light, tmp_path).result.parameters == {"Output": "a-b-a-b"}


@dsl.component
def make(n: int, out: dsl.Output[dsl.Dataset]) -> int:
    from pathlib import Path

    Path(out.path).write_text(str(n), "utf-8")
    out.metadata["twice"] = 2 * n
    return 2 * n


@dsl.component
def total(counts: list, made: dsl.Input[list[dsl.Dataset]]) -> str:
    from pathlib import Path

    found = [(Path(each.path).read_text("utf-8"), each.metadata["twice"]) for each in made]
    return f"{sum(counts)} {found}"


@dsl.pipeline(name="light-artifacts")
def light_artifacts() -> str:
    with dsl.ParallelFor([1, 2]) as n:
        each = make(n=n)
    return total(
        counts=dsl.Collected(each.outputs["Output"]), made=dsl.Collected(each.outputs["out"])
    ).output


@conforms(
    SECTION,
    "lightweight components with artifacts and their metadata",
    light_artifacts,
    by_rules=True,
)
def test_lightweight_components_exchange_artifacts(tmp_path: Path) -> None:
    # kfp 2.13 can only read a list of artifacts that has a type.
    ran = run_pipeline(light_artifacts, tmp_path)

    assert ran.result.parameters == {"Output": "6 [('1', 2), ('2', 4)]"}


@dsl.pipeline(name="environment")
def environment():
    note_variable(name="WORDS").set_env_variable("WORDS", 'it\'s "ü" $(B)')


@conforms(SETTINGS, "`set_env_variable`", environment)
def test_a_task_has_the_variables_that_it_was_given(tmp_path: Path) -> None:
    assert run_pipeline(environment, tmp_path).journal == ['it\'s "ü" $(B)']


@dsl.pipeline(name="run-variable")
def run_variable():
    note_variable(name="RUN").set_env_variable("RUN", dsl.PIPELINE_JOB_ID_PLACEHOLDER)


@conforms(SETTINGS, "`set_env_variable` with a placeholder of the run", run_variable)
def test_a_variable_has_the_run_in_it_where_the_run_is_not_like_kubeflow(tmp_path: Path) -> None:
    ran = run_pipeline(run_variable, tmp_path, like="vertex")

    assert ran.journal == [ran.result.run_id]
    assert run_pipeline(run_variable, tmp_path).journal == [dsl.PIPELINE_JOB_ID_PLACEHOLDER]


@conforms(SETTINGS, "`set_env_variable` with a parameter", None)
def test_kfp_refuses_a_variable_from_a_parameter() -> None:
    with pytest.raises(TypeError):

        @dsl.pipeline(name="variable")
        def variable(words: str):
            note_variable(name="WORDS").set_env_variable("WORDS", words)

        variable.pipeline_spec  # noqa: B018  kfp compiles it when it is read


@dsl.pipeline(name="names")
def names():
    first = step(name="first", value="a").set_display_name("Erste Stufe/Ü")
    with dsl.If(first.outputs["text"] == "a", name="only if"):
        second = step(name="second", value="b").set_display_name("Zweite")
        step(name="third", value=second.outputs["text"])


@conforms(SETTINGS, "`set_display_name`, names of groups", names)
def test_a_display_name_changes_nothing_else(tmp_path: Path) -> None:
    ran = run_pipeline(names, tmp_path)

    assert ran.journal == ["first a", "second b", "third b"]


@dsl.pipeline(name="caching")
def caching():
    step(name="on")
    step(name="off").set_caching_options(False)
    step(name="key").set_caching_options(True, cache_key="mine")


@conforms(
    SETTINGS,
    "`set_caching_options`",
    caching,
    kubeflow="`cache_key` on a backend after 2.17.0",
)
def test_a_second_run_repeats_what_may_not_be_cached(tmp_path: Path) -> None:
    journals = [sorted(run_pipeline(caching, tmp_path).journal) for _ in range(2)]

    assert journals == [["key ", "off ", "on "], ["off "]]


@dsl.pipeline(name="resources")
def resources(cpus: str, image: str):
    step(name="limited").set_cpu_limit(cpus).set_memory_limit("1G").set_container_image(image)


@dsl.pipeline(name="resources-in-a-condition")
def resources_in_a_condition(cpus: str, flag: bool = True):
    with dsl.If(flag == True):  # noqa: E712
        step(name="limited").set_cpu_limit(cpus)


@conforms(SETTINGS, "resources and image from parameters", resources)
def test_resources_may_come_from_parameters(tmp_path: Path) -> None:
    assert run_pipeline(resources, tmp_path, cpus="2", image="x").journal == ["limited "]


@conforms(
    SETTINGS, "resources from parameters in `If`, loops, `ExitHandler`", resources_in_a_condition
)
def test_resources_that_kfp_loses_are_refused() -> None:
    with pytest.raises(CompileError, match="takes its image or resources from `cpus` inside If"):
        lint(load(resources_in_a_condition).spec, target_named("local"), {})

"""Texts of container components on Kubeflow: which are rewritten, and which are refused."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.profiles.profile import Profile
from headrace.targets.local import engine
from headrace.targets.local.shared.options import Options
from headrace.targets.remote.ordering import order_of
from support.launcher import compiled_runs
from support.launcher.entry_points import Launcher

SHOW = """
import os, sys
with open(os.environ["JOURNAL"], "a") as file:
    file.write(repr(sys.argv[1:]) + "\\n")
"""


@dsl.container_component
def show(text: str = "", several: list = [], values: dict = {}):
    return dsl.ContainerSpec(
        image="x", command=["python", "-c", SHOW], args=[f"<{text}", several, values]
    )


@dsl.container_component
def names(text: str):
    return dsl.ContainerSpec(
        image="x",
        command=["python", "-c", SHOW],
        args=[
            dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
            f"-{dsl.PIPELINE_JOB_ID_PLACEHOLDER}/{dsl.PIPELINE_TASK_NAME_PLACEHOLDER}",
            text,
        ],
    )


@dsl.container_component
def message(text: str):
    return dsl.ContainerSpec(image="x", command=["run"], args=["{{$}}"])


@dsl.component
def give(text: str) -> str:
    return text


def on_kubeflow(pipeline: Any) -> str:
    return compile_for(load(pipeline), "kubeflow", Profile()).text


def shown(pipeline: Any, directory: Path, monkeypatch: pytest.MonkeyPatch, **values: Any) -> Any:
    """Returns the command lines of tasks: on Kubeflow, and with the local backend."""
    monkeypatch.setenv("JOURNAL", str(directory / "kubeflow"))
    compiled_runs.run(on_kubeflow(pipeline), Launcher(root=directory), values)
    monkeypatch.setenv("JOURNAL", str(directory / "local"))
    spec = compile_for(load(pipeline), "local", Profile()).document
    options = Options(root=directory / "root", runner="process", use_cache=False)
    assert engine.start(spec, parameters=values, options=options).state == "succeeded"
    return tuple(
        [ast.literal_eval(line) for line in (directory / name).read_text("utf-8").splitlines()]
        for name in ("kubeflow", "local")
    )


@dsl.pipeline(name="texts")
def made_texts(name: str, count: int):
    show(text=f"{name}|{count}|$x{name}", several=["$x", {"a $": 1}])


def test_an_f_string_goes_into_an_argument_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = 'it\'s "ü"\n\\ {{x}}'

    kubeflow, local = shown(made_texts, tmp_path, monkeypatch, name=name, count=3)

    assert kubeflow == local
    assert kubeflow == [[f"<{name}|3|$x{name}", '["$x",{"a $":1}]', "{}"]]


@dsl.pipeline(name="dollars")
def dollars(name: str):
    show(values={"a": ["$$"]})


@dsl.pipeline(name="variable")
def variable(name: str):
    show(text=f"$(HOME){name}")


@dsl.container_component
def say(text: str):
    return dsl.ContainerSpec(
        image="x", command=["python", "-c", SHOW], args=["$(A)", "$$(A)/$$/$(B)/$A", f"$(A){text}"]
    )


@dsl.pipeline(name="saying")
def saying(text: str):
    say(text=text).set_env_variable("A", "a")


def test_variables_in_a_command_line_are_those_of_the_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeflow, local = shown(saying, tmp_path, monkeypatch, text="x")

    assert kubeflow == local == [["a", "a/$/$(B)/$A", "ax"]]


@dsl.pipeline(name="named")
def named():
    names(text=f"{dsl.PIPELINE_JOB_NAME_PLACEHOLDER}+")


def test_names_of_the_run_are_filled_in_in_arguments_and_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeflow, ((name, more, text),) = shown(named, tmp_path, monkeypatch)

    assert kubeflow == [["run-1", "-uuid-1/task-1", "run-1+"]]
    assert text == f"{name}+"
    assert more.startswith("-")
    assert more.endswith("/names")
    assert "{{$" not in more


@dsl.pipeline(name="twice-inside")
def inside():
    names(text="x")


@dsl.pipeline(name="twice")
def twice():
    inside()
    inside()


def test_a_component_that_two_tasks_run_is_rewritten_once_and_both_get_the_names() -> None:
    document = compile_for(load(twice), "kubeflow", Profile()).document

    tasks = [
        task
        for component in document["components"].values()
        for name, task in component.get("dag", {}).get("tasks", {}).items()
        if name == "names"
    ]
    assert tasks
    for task in tasks:
        given = task["inputs"]["parameters"]
        added = [name for name in given if name.startswith("pipelinechannel--headrace--")]
        assert len(added) == 3


@dsl.pipeline(name="lists")
def lists(count: int):
    show(several=[count, "x"])


@dsl.pipeline(name="names-in-lists")
def names_in_lists():
    show(several=[f"{dsl.PIPELINE_JOB_ID_PLACEHOLDER}"])


@dsl.pipeline(name="in-messages")
def in_messages(name: str):
    message(text=f"<{name}>")


@dsl.pipeline(name="argo")
def argo():
    show(values={"a": "{{ workflow.name }}"})


@dsl.pipeline(name="expression")
def expression():
    show(text="{{=1+1}}")


@dsl.pipeline(name="placeholder")
def placeholder():
    show(text="{{$}}")


@dsl.container_component
def with_argo():
    return dsl.ContainerSpec(image="x", command=["run"], args=["--name={{workflow.name}}"])


@dsl.pipeline(name="argo-argument")
def argo_argument():
    with_argo()


@dsl.pipeline(name="argo-variable")
def argo_variable():
    show(text="x").set_env_variable("A", "{{pod.name}}")


@dsl.pipeline(name="run-variable")
def run_variable():
    give(text="x").set_env_variable("A", dsl.PIPELINE_JOB_NAME_PLACEHOLDER)


@dsl.pipeline(name="default")
def default(name: str = "{{pod.name}}"):
    give(text=name)


@dsl.pipeline(name="below")
def below(name: str):
    give(text=name)


@dsl.pipeline(name="into-a-dag")
def into_a_dag():
    below(name="costs $$5")


@dsl.pipeline(name="item")
def item():
    with dsl.ParallelFor(["a", "$(HOME)"]) as word:
        give(text=word)


@dsl.pipeline(name="item-into-a-container")
def item_into_a_container():
    with dsl.ParallelFor(["a", "{{$}}"]) as word:
        show(text=word)


@dsl.pipeline(name="compared")
def compared(name: str):
    with dsl.If(name == "$$"):
        give(text=name)


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        (compared, r"task `condition-1`: `condition` holds '\$\$'"),
        (
            lists,
            r"`show`: target kubeflow turns values in a list .* \{count\} in `s",
        ),
        (names_in_lists, r"example \{pipeline_job_uuid\} in `several`.* return the list or dict"),
        (
            in_messages,
            r"`message`: .* breaks the message that the task reads, .* `text` has a quote",
        ),
        (argo, r"replaces '\{\{ workflow.name \}\}', which `values` holds.* lightweight Python"),
        (expression, r"replaces '\{\{=', which `text` holds"),
        (dollars, r"replaces '\$\$', which `values` holds"),
        (variable, r"replaces '\$\(HOME\)', which `text` holds"),
        (placeholder, r"replaces '\{\{\$\}\}', which `text` holds"),
        (
            argo_argument,
            r"'\{\{workflow.name\}\}', a placeholder of Argo.*_JOB_RESOURCE_NAME",
        ),
        (argo_variable, r"variable `A` holds '\{\{pod.name\}\}', which Argo replaces"),
        (run_variable, r"does not replace \{\{\$.pipeline_job_name\}\} in variables, which `A`"),
        (default, r"default: the default of `name` holds '\{\{pod.name\}\}'"),
        (into_a_dag, r"task `below`: `name` holds '\$\$', which Kubeflow replaces"),
        (item, r"task `for-loop-2`: `items` holds '\$\(HOME\)'"),
        (item_into_a_container, r"task `for-loop-2`: `items` holds '\{\{\$\}\}'"),
    ],
)
def test_what_kubeflow_would_replace_is_refused_there_alone(pipeline: Any, words: str) -> None:
    with pytest.raises(CompileError, match=words):
        on_kubeflow(pipeline)

    compile_for(load(pipeline), "local", Profile())


@dsl.pipeline(name="harmless")
def harmless(name: str = "{{x}} {{$.foo}} $5 $(echo a) {{.Name}}"):
    with dsl.ParallelFor(["{{$}}", "ü"]) as word:
        give(text=word).set_env_variable("A", "{{$}} $(B)")
    give(text=name)


def test_what_kubeflow_leaves_alone_is_not_refused() -> None:
    assert "{{$.foo}}" in on_kubeflow(harmless)


@dsl.component
def documented(text: str = "{{pod.name}}", more: str = "x") -> str:
    """Gives a text.

    Args:
        text: As {{pod.name}}.
        more: As {{x}}.
    """
    return text


@dsl.pipeline(name="documentation")
def documentation():
    documented()


def test_declarations_hold_nothing_that_the_api_refuses_and_the_default_is_still_given() -> None:
    document = compile_for(load(documentation), "kubeflow", Profile()).document

    ports = document["components"]["comp-documented"]["inputDefinitions"]["parameters"]
    assert ports["text"] == {
        "description": "As { {pod.name}}.",
        "isOptional": True,
        "parameterType": "STRING",
    }
    assert ports["more"]["description"] == "As {{x}}."
    given = document["root"]["dag"]["tasks"]["documented"]["inputs"]["parameters"]
    assert given["text"] == {"runtimeValue": {"constant": "@[[{]]{pod.name}}"}}
    assert "{{pod" not in json.dumps(document)


PIPELINE = """
from kfp import dsl

@dsl.component
def give(text: str) -> str:
    return text

@dsl.pipeline(name="p")
def p(name: str, names: list = []):
    give(text=name)
"""


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("{{workflow.uid}}", "{{workflow.uid}}"),
        ("a {{$.inputs.parameters['x']}}", "{{$.inputs"),
        ("$$", "$$"),
        ("$(KFP_POD_NAME)", "$(KFP_POD_NAME)"),
        ("{{$}} {{x}} $(date)", None),
    ],
)
def test_submit_refuses_a_parameter_of_the_run_that_looks_like_a_template(
    value: str, found: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "pipeline.py"
    file.write_text(PIPELINE, "utf-8")

    if found is None:
        assert order_of(str(file), "kubeflow", Profile(), [f"name={value}"]).parameters
        return
    with pytest.raises(CompileError) as refused:
        order_of(str(file), "kubeflow", Profile(), [f"name={value}"])
    start = f"headrace submit: parameter `name` holds {found!r}, which Kubeflow replaces on the way"
    assert str(refused.value).startswith(start)

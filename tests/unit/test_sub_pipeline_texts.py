"""Texts, lists and dicts with parameters in them as inputs of sub-pipelines on Kubeflow."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, warn-return-any=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

from typing import Any, List  # noqa: UP035  kfp knows this name only

import pytest
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.profiles.profile import Profile
from headrace.targets.kubeflow.passes.sub_pipeline_texts import apply_sub_pipeline_texts


@dsl.component
def show(text: str) -> str:
    return text


@dsl.pipeline(name="plain")
def plain(text: str = "d", n: int = 1):
    show(text=text)
    show(text=f"{text}/{n}")


@dsl.pipeline(name="compared")
def compared(text: str):
    with dsl.If(text == "a"):
        show(text="x")


@dsl.pipeline(name="looped")
def looped(words: List[str]):  # noqa: UP006  kfp knows this name only
    with dsl.ParallelFor(words) as word:
        show(text=word)


@dsl.pipeline(name="imported")
def imported(uri: str):
    dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset)


@dsl.pipeline(name="into-a-condition")
def into_a_condition(name: str):
    compared(text=f"<{name}>")


@dsl.pipeline(name="into-a-loop")
def into_a_loop(name: str):
    looped(words=["a", name])


@dsl.pipeline(name="into-an-importer")
def into_an_importer(name: str):
    imported(uri=f"gs://b/{name}")


@dsl.pipeline(name="the-task")
def the_task(name: str):
    plain(text=f"{dsl.PIPELINE_TASK_NAME_PLACEHOLDER}-{name}")


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        (
            into_a_condition,
            r"task `compared`: target kubeflow does not fill in an f-string where a condition",
        ),
        (into_a_loop, r"task `looped`: target kubeflow does not fill in a list or dict"),
        (into_an_importer, r"task `imported`: target kubeflow does not fill in an f-string"),
        (the_task, r"task `plain`: target kubeflow replaces \{\{\$.pipeline_task_name\}\} only"),
    ],
)
def test_what_more_than_tasks_take_is_refused(pipeline: Any, words: str) -> None:
    with pytest.raises(CompileError, match=words):
        compile_for(load(pipeline), "kubeflow", Profile())


@dsl.pipeline(name="twice")
def twice(name: str, count: int):
    first = show(text=name)
    plain(text=f"{name}-{first.output}", n=count)
    plain(text=f"{count}/{dsl.PIPELINE_JOB_ID_PLACEHOLDER}")


def test_each_task_gets_the_parts_that_its_text_is_made_of() -> None:
    document = compile_for(load(twice), "kubeflow", Profile()).document

    tasks = document["root"]["dag"]["tasks"]
    assert tasks["plain"]["inputs"]["parameters"] == {
        "n": {"componentInputParameter": "count"},
        "pipelinechannel--text--name": {"componentInputParameter": "name"},
        "pipelinechannel--text--show-Output": {
            "taskOutputParameter": {"producerTask": "show", "outputParameterKey": "Output"}
        },
    }
    inside = document["components"][tasks["plain"]["componentRef"]["name"]]
    assert inside["inputDefinitions"]["parameters"] == {
        "n": {"defaultValue": 1.0, "isOptional": True, "parameterType": "NUMBER_INTEGER"},
        "pipelinechannel--text--name": {"parameterType": "STRING"},
        "pipelinechannel--text--show-Output": {"parameterType": "STRING"},
    }
    first, second = (
        inside["dag"]["tasks"][name]["inputs"]["parameters"] for name in ("show", "show-2")
    )
    whole = "@[[text--name]]-@[[text--show-Output]]"
    assert first["text"] == {"runtimeValue": {"constant": whole}}
    assert second["text"] == {"runtimeValue": {"constant": f"{whole}/@[[n]]"}}
    other = document["components"][tasks["plain-2"]["componentRef"]["name"]]
    text = other["dag"]["tasks"]["show"]["inputs"]["parameters"]["text"]
    assert text == {
        "runtimeValue": {"constant": "@[[text--count]]/@[[headrace--pipeline_job_uuid]]"}
    }


@dsl.pipeline(name="nothing-made")
def nothing_made(name: str):
    plain(text=name)
    plain(text="constant")


def test_a_pipeline_without_such_values_is_not_changed() -> None:
    spec = load(nothing_made).spec

    assert apply_sub_pipeline_texts(spec) == spec

"""Writes the texts of container components so that Kubeflow passes them on as intended.

The program belongs to the author, so our code cannot fill in templates in it, unlike in other
components (see `templates`). KFP's launcher fills them in, and only knows texts:

- An f-string with parameters works in an argument, but it breaks the message of a task that reads
it as JSON, `{{$}}`. In a list or a dict each value becomes a text, and lists break it.
- The name of the run and similar names are only replaced if they are a whole parameter. So they
become a parameter, and texts and command lines refer to it.
- Constants that look like placeholders are refused. A dollar sign could be escaped for Kubernetes,
but how often depends on the release: if the driver is a pod, its arguments are expanded too.
"""

from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.templates import (
    PLACEHOLDER,
    RUN_PLACEHOLDER,
    as_written,
    fills_in,
    run_input,
    texts,
)
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace.targets.kubeflow.passes.replaced_texts import ARGO, LAUNCHER, VARIABLE

_MESSAGE = "{{$}}"


def apply_container_texts(spec: Mapping[str, Any]) -> Spec:
    """Returns `spec` with the constants and command lines of container components rewritten.

    Args:
        spec: A pipeline that is to run on Kubeflow, after `apply_templates`.

    Raises:
        CompileError: The launcher would replace a text, or break a value; with what to write
            instead.
    """
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        if node.container and not fills_in(node.container):
            where = f"{specs.pipeline_name(result)}: task `{node.label}`: target kubeflow"
            _rewrite_constants(node, where)
            _rewrite_command(node, where)
            _give_names_of_the_run(node)
    return result


def _rewrite_constants(node: specs.TaskNode, where: str) -> None:
    for name, source in specs.parameter_inputs(node.task).items():
        value = specs.constant(source)
        if value is None or (isinstance(value, str) and RUN_PLACEHOLDER.fullmatch(value)):
            continue
        made = [text for text in texts(value) if PLACEHOLDER.search(text)]
        if made and not isinstance(value, str):
            raise CompileError(
                f"{where} turns values in a list or a dict into texts, for example "
                f"{as_written(made[0])} in `{name}`, and breaks lists and dicts in it. Have a "
                "lightweight Python component return the list or dict, and pass its output."
            )
        if made and any(_MESSAGE in word for word in _words(node)):
            raise CompileError(
                f"{where} breaks the message that the task reads, {_MESSAGE}, where a value in the "
                f"f-string `{name}` has a quote or a line end. Pass the values themselves, and "
                "make the text in the task."
            )
        for text in texts(value):
            _check(PLACEHOLDER.sub("\0", text), name, where)
        if isinstance(value, str):
            source["runtimeValue"]["constant"] = _with_names_of_the_run(value)


def _check(text: str, name: str, where: str) -> None:
    found = ARGO.search(text) or LAUNCHER.search(text) or VARIABLE.search(text)
    if found:
        raise CompileError(
            f"{where} replaces {found[0]!r}, which `{name}` holds, on its way into the container. "
            "Make the component a lightweight Python component, which gets it as it is written, or "
            "put the text into a file."
        )


def _with_names_of_the_run(text: str) -> str:
    """Returns a text with inputs in place of placeholders of the run."""
    return RUN_PLACEHOLDER.sub(
        lambda match: f"{{{{$.inputs.parameters['{run_input(match[0])}']}}}}", text
    )


def _rewrite_command(node: specs.TaskNode, where: str) -> None:
    for word in _words(node):
        found = ARGO.search(word)
        if found:
            raise CompileError(
                f"{where} replaces {found[0]!r}, a placeholder of Argo, in the command line. Write "
                "dsl.PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER for the workflow's name, else make the "
                "text in the program."
            )
    for part in {"command", "args"} & set(node.container):
        node.container[part] = [_with_names_of_the_run(word) for word in node.container[part]]


def _give_names_of_the_run(node: specs.TaskNode) -> None:
    inputs = specs.parameter_inputs(node.task)
    constants = [text for each in inputs.values() for text in texts(specs.constant(each))]
    prefix = run_input("{{$.}}")
    for text in (*_words(node), *constants):
        for name in specs.referenced_parameters(text):
            if name.startswith(prefix):
                placeholder = f"{{{{$.{name.removeprefix(prefix)}}}}}"
                given = node.task.setdefault("inputs", {}).setdefault("parameters", {})
                given[name] = {"runtimeValue": {"constant": placeholder}}


def _words(node: specs.TaskNode) -> list[str]:
    return [*node.container.get("command", ()), *node.container.get("args", ())]

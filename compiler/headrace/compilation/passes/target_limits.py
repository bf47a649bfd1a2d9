"""The limits that several targets share, and what to write instead.

The module `limits` of a target has its own limits.
"""

import re
from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.optional_inputs import needed_without_value
from headrace.contract.target import Target
from headrace.errors import CompileError
from headrace.ir import specs

# In JSON text, as in IfPresent, quotes are escaped.
ARTIFACT = r"\{\{\$\.(?:inputs|outputs)\.artifacts\[\\?['\"](?P<name>[^'\"\\]+)\\?['\"]\]"
_WHOLE_ARTIFACT = re.compile(ARTIFACT + r"\}\}")


def check(spec: Mapping[str, Any], target: Target, platform: Mapping[str, Any]) -> None:
    """Refuses what `target` cannot run.

    Args:
        spec: A pipeline as kfp compiles it.
        target: Where it is to run.
        platform: Its `PlatformSpec`; empty unless kfp-kubernetes was used.

    Raises:
        CompileError: The first such construct, with what to write instead.
    """
    target.check_pipeline(spec, platform)
    for node in specs.tasks(spec):
        for rule in target.rules:
            finding = rule(node)
            if finding:
                raise CompileError(
                    f"{specs.pipeline_name(spec)}: task `{node.label}`: target {target.name} "
                    f"{finding}"
                )


def check_given_artifacts(spec: Mapping[str, Any], target: Target) -> None:
    """Refuses a pipeline that takes an artifact.

    Raises:
        CompileError: An input of the pipeline needs one.
    """
    for port, definition in specs.artifacts(spec["root"]).items():
        if not definition.get("isOptional"):
            raise CompileError(
                f"{specs.pipeline_name(spec)}: target {target.name} gives a pipeline no artifacts, "
                f"but its input `{port}` needs one. Pass the artifact's URI as a string, and "
                "import it with dsl.importer."
            )


def request_over_limit(node: specs.TaskNode) -> str | None:
    """Refuses requests that are above the limit of the same task."""
    resources = node.container.get("resources", {})
    for name in ("cpu", "memory"):
        request, limit = (resources.get(f"{name}{kind}") for kind in ("Request", "Limit"))
        if request and limit and request > limit:
            unit = " GB" if name == "memory" else ""
            return (
                f"makes no pod that asks for more than its limit, but the task's request of {name} "
                f"is {request:g}{unit} and its limit {limit:g}{unit}. Raise `{name}` or lower "
                f"`{name}_request`, which the pipeline file has as set_{name}_limit and "
                f"set_{name}_request."
            )
    return None


def negative_retries(node: specs.TaskNode) -> str | None:
    """Refuses a number of retries below 0."""
    count = node.task.get("retryPolicy", {}).get("maxRetryCount", 0)
    if int(count) < 0:
        return (
            f"would be retried forever: its `set_retry` has num_retries={count}, expected 0 or "
            "more. Write how many times to try again."
        )
    return None


def foreign_executor(node: specs.TaskNode) -> str | None:
    """Refuses executors that only Vertex AI has."""
    executor = node.executor
    kinds = sorted(set(executor) - {"container", "importer"})
    if kinds:
        return (
            f"has no executor {kinds[0]!r}, which only Vertex AI runs. Use a container component."
        )
    return None


def loop_over_artifacts(node: specs.TaskNode) -> str | None:
    """Refuses loops over artifacts."""
    if "artifactIterator" in node.task:
        return "cannot loop over artifacts. Loop over a list of strings, such as their URIs."
    return None


def whole_artifact(node: specs.TaskNode) -> str | None:
    """Refuses placeholders of an artifact as a whole."""
    for where, text in command_texts(node):
        found = _WHOLE_ARTIFACT.search(text)
        if found:
            return (
                f"does not replace {found[0]}, an artifact given whole, which {where} has. Use "
                f"`{found['name']}.path` or `{found['name']}.uri`."
            )
    return None


def argument_without_value(node: specs.TaskNode) -> str | None:
    """Refuses a command line that needs an optional input without a value."""
    name = needed_without_value(node)
    if name is None:
        return None
    return (
        f"has no value for the optional input `{name}`, which the command line needs. Pass "
        f"`{name}`, give it a default, or write it as `dsl.IfPresentPlaceholder({name!r}, "
        f"then=[...])` in the component."
    )


def command_texts(node: specs.TaskNode) -> list[tuple[str, str]]:
    """Returns the texts of a task's command line, with names for messages."""
    container = node.container
    texts = [("its command", text) for text in container.get("command", [])]
    return texts + [("an argument", text) for text in container.get("args", [])]


def texts(node: specs.TaskNode) -> list[tuple[str, str]]:
    """Returns a task's texts, with names for messages."""
    texts = command_texts(node)
    for name, source in specs.parameter_inputs(node.task).items():
        value = specs.constant(source)
        if isinstance(value, str):
            texts.append((f"`{name}`", value))
    return texts

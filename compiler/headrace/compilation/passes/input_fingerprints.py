"""Adds data that a component reads elsewhere to the cache key of services.

These keys have parameters and input artifacts, but not the files behind an `input_base`, or the
results of earlier runs. So a small task runs before, in the component's image and with the same
view of files. It returns a text about them: names, sizes, versions. Its output becomes one more
parameter of the component's task. If the value is known when a run is submitted, it replaces the
task.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.declaration import cache_hooks
from headrace_components.contract.fingerprint_ports import (
    COMPONENT,
    FINGERPRINT,
    FINGERPRINT_INPUT,
    PLACE,
)

TaskKey = tuple[str, str]
"""The DAG that contains a task (`ir.TaskNode.dag`), and the task's name."""

Fingerprints = Mapping[TaskKey, str]

KnownFingerprints = Callable[[Spec], Fingerprints]
"""Returns the fingerprints that are known before a run, for a pipeline without them."""

_MODULE = "headrace_components.input_fingerprint"
_SUFFIX = "-fingerprint"

_ANY_ARTIFACT = {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}

# The settings that the small task copies from the component's task; it does not need a GPU or a
# large machine.
_OF_CONTAINER = ("image", "env")
_OF_TASK = ("dependentTasks", "retryPolicy")


def may_have(node: specs.TaskNode) -> bool:
    """Returns whether a task's parameters name what it reads, so that a small task can look there.

    A task that runs after failures, such as an exit handler, does not wait for another task; and a
    task with a `cache_key` is compared by that key alone.
    """
    hooks = cache_hooks(node.headrace_name)
    is_plain = not any(part in node.task for part in ("triggerPolicy", "parameterIterator"))
    return (
        (hooks.input_locations is not None or hooks.earlier_state is not None)
        and is_plain
        and not node.task.get("cachingOptions", {}).get("cacheKey")
    )


def missing_fingerprints(spec: Mapping[str, Any]) -> Iterator[specs.TaskNode]:
    """Yields the tasks whose key lacks a fingerprint: cached ones that read files elsewhere."""
    for node in specs.tasks(spec):
        is_cached = node.task.get("cachingOptions", {}).get("enableCache", False)
        is_done = FINGERPRINT_INPUT in specs.parameter_inputs(node.task)
        if node.container and is_cached and not is_done and may_have(node):
            yield node


def tasks_before(spec: Mapping[str, Any]) -> dict[str, str]:
    """Returns the labels of the tasks that take fingerprints, by those of the tasks they are for.

    Args:
        spec: A pipeline after `apply_input_fingerprints`.
    """
    found = {}
    for node in specs.tasks(spec):
        source = specs.parameter_inputs(node.task).get(FINGERPRINT_INPUT, {})
        if "taskOutputParameter" in source:
            before = source["taskOutputParameter"]["producerTask"]
            found[node.label] = "/".join((*node.path[:-1], before))
    return found


def apply_input_fingerprints(
    spec: Mapping[str, Any],
    platform: Mapping[str, Any],
    known: KnownFingerprints | None = None,
) -> tuple[Spec, dict[str, Any]]:
    """Returns pipeline and platform spec with fingerprints of data that components read elsewhere.

    Args:
        spec: A pipeline after all passes that look into constants.
        platform: Its `PlatformSpec`; empty if there is none.
        known: Returns the fingerprints that are already known; None if there are none.
    """
    result: Spec = specs.copy(spec)
    pods: dict[str, Any] = specs.copy(platform)
    values = known(result) if known else {}
    for node in list(missing_fingerprints(result)):
        if FINGERPRINT_INPUT in specs.parameter_inputs(node.task):
            continue  # two tasks run the DAG that contains this one
        value = values.get((node.dag, node.name))
        inputs = node.task.setdefault("inputs", {}).setdefault("parameters", {})
        if value is None:
            name = _add_task(result, pods, node)
            source = {"producerTask": name, "outputParameterKey": FINGERPRINT}
            inputs[FINGERPRINT_INPUT] = {"taskOutputParameter": source}
            node.task["dependentTasks"] = sorted({*node.task.get("dependentTasks", ()), name})
        else:
            inputs[FINGERPRINT_INPUT] = {"runtimeValue": {"constant": value}}
    return result, pods


def _add_task(spec: Spec, pods: dict[str, Any], node: specs.TaskNode) -> str:
    """Adds the task before `node` to the same DAG, and returns its name."""
    tasks = node.enclosing["dag"]["tasks"]
    name = _free(node.name, tasks)
    component = _free(node.task["componentRef"]["name"], spec["components"])
    executor = _free(node.component["executorLabel"], specs.executors(spec))
    tasks[name] = {
        **{part: specs.copy(node.task[part]) for part in _OF_TASK if part in node.task},
        "cachingOptions": {},
        "componentRef": {"name": component},
        "inputs": {
            "parameters": {
                **specs.copy(specs.parameter_inputs(node.task)),
                COMPONENT: {"runtimeValue": {"constant": node.headrace_name}},
            }
        },
        "taskInfo": {"name": name},
    }
    outputs: dict[str, Any] = {"parameters": {FINGERPRINT: {"parameterType": "STRING"}}}
    if _looks_for_earlier_runs(node):
        outputs["artifacts"] = {PLACE: {"artifactType": _ANY_ARTIFACT}}
    spec["components"][component] = {
        "executorLabel": executor,
        "inputDefinitions": {
            "parameters": {
                **_without_descriptions(specs.parameters(node.component)),
                COMPONENT: {"parameterType": "STRING"},
            }
        },
        "outputDefinitions": outputs,
    }
    specs.executors(spec)[executor] = {
        "container": {
            **{
                part: specs.copy(node.container[part])
                for part in _OF_CONTAINER
                if part in node.container
            },
            "command": ["python", "-m", _MODULE],
            "args": ["--executor_input", "{{$}}"],
        }
    }
    kubernetes = pods.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {})
    configs = kubernetes.get("executors", {})
    if node.component["executorLabel"] in configs:
        configs[executor] = specs.copy(configs[node.component["executorLabel"]])
    return name


def _without_descriptions(definitions: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {part: specs.copy(each) for part, each in definition.items() if part != "description"}
        for name, definition in definitions.items()
    }


def _looks_for_earlier_runs(node: specs.TaskNode) -> bool:
    return cache_hooks(node.headrace_name).earlier_state is not None


def _free(name: str, taken: Mapping[str, Any]) -> str:
    found = f"{name}{_SUFFIX}"
    number = 2
    while found in taken:
        found = f"{name}{_SUFFIX}-{number}"
        number += 1
    return found

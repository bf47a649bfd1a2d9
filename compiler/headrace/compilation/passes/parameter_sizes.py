"""Refuses parameters that are too large for the way a target takes them to a task.

All parameters of a task are in one JSON message, and that is one argument of a process, to which
Linux gives 128 KiB. On the way, Argo has the message in its own documents, escaped twice.
"""

import json
from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.module_files import MODULE_PARAMETER
from headrace.compilation.passes.templates import known_value
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.targets.registry import Target

# One argument, MAX_ARG_STRLEN of Linux, less room for URIs and metadata of artifacts.
MAX_MESSAGE_BYTES = 128 * 1024 - 16 * 1024

# What Kubernetes and Argo hold of one task, as an annotation or an output of the driver, less room
# for the rest of the pod's specification: kubeflow/pipelines#12453.
MAX_ESCAPED_BYTES = 256 * 1024 - 32 * 1024

# A Workflow is one object of etcd, which takes requests of 1.5 MiB, and grows while it runs.
MAX_WORKFLOW_BYTES = 1024 * 1024

# What stands for the message in a custom job's payload.
_QUOTED_MESSAGE = "{{$.json_escape[1]}}"

# All values of a run together, as JSON: kubeflow/pipelines#12510. Later releases take 20,000.
MAX_RUN_CHARS = 10_000


def check_sizes(
    spec: Mapping[str, Any], target: Target, values: Mapping[str, Any] | None = None
) -> None:
    """Checks that a target can start each task with the parameters that are known of it.

    Args:
        spec: A pipeline after all passes.
        target: Where it runs; `local` has no such limits.
        values: Values of run parameters; those that are missing have their defaults.

    Raises:
        CompileError: The parameters of a task, or of the run, are too large. The message names the
            largest of them.
    """
    if target == "local":
        return
    root = _with_values(spec["root"], values or {})
    for node in specs.tasks(spec):
        if node.container and (target == "kubeflow" or any("{{$" in word for word in _words(node))):
            _check_task(node, root, target)
    if target == "kubeflow":
        _check_workflow(spec)


def check_run(values: Mapping[str, Any], target: Target) -> None:
    """Checks that a target takes the parameters of a run.

    Raises:
        CompileError: They are too large.
    """
    size = len(json.dumps(dict(values), ensure_ascii=False))
    if target == "kubeflow" and size > MAX_RUN_CHARS:
        name, largest = _largest(values)
        raise CompileError(
            f"headrace submit: the parameters of the run take {size:,} characters as JSON, of "
            f"which `{name}` takes {largest:,}, but Kubeflow takes at most {MAX_RUN_CHARS:,}. Make "
            "the value a constant or a default in the pipeline, or put it into a file and pass its "
            "URI."
        )


def _with_values(root: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    declared = {
        name: {**definition, **({"defaultValue": values[name]} if name in values else {})}
        for name, definition in specs.parameters(root).items()
    }
    return {**root, "inputDefinitions": {"parameters": declared}}


def _words(node: specs.TaskNode) -> list[str]:
    return [*node.container.get("command", []), *node.container.get("args", [])]


def _check_task(node: specs.TaskNode, root: Mapping[str, Any], target: Target) -> None:
    inputs = specs.parameter_inputs(node.task)
    values = {name: known_value(node, name, root) for name in inputs}
    message = json.dumps(values, ensure_ascii=False)
    size = len(message.encode())
    quoted = json.dumps(message, ensure_ascii=False)
    # A custom job of Vertex AI has the message in the JSON of its payload, once a pool of machines.
    pools = max([word.count(_QUOTED_MESSAGE) for word in _words(node)], default=0)
    argument = max(size, pools * len(quoted.encode()))
    if argument > MAX_MESSAGE_BYTES:
        why = (
            f"{target} starts a task with at most {MAX_MESSAGE_BYTES:,}: they are one argument of "
            "a process, which has 128 KiB"
        )
        if argument > size:
            why = f"as its custom job has them {argument:,}, and {why}"
        raise CompileError(_refusal(node, values, size, why))
    escaped = len(json.dumps(quoted, ensure_ascii=False).encode())
    if target == "kubeflow" and escaped > MAX_ESCAPED_BYTES:
        why = (
            f"with their quotes escaped twice, as Argo holds them, {escaped:,}, and Kubernetes "
            f"takes at most {MAX_ESCAPED_BYTES:,}"
        )
        raise CompileError(_refusal(node, values, size, why))


def _refusal(node: specs.TaskNode, values: Mapping[str, Any], size: int, why: str) -> str:
    name, largest = _largest(values)
    advice = "Put the value into a file, pass its URI, and read it in your function"
    if name == MODULE_PARAMETER:
        advice = (
            "Give `module_file` a gs:// or s3:// URI, or bake the module into an image of your own "
            "and name its function by dotted path"
        )
    return (
        f"task `{node.label}`: its parameters take {size:,} bytes as JSON, of which `{name}` takes "
        f"{largest:,}, but {why}. {advice}."
    )


def _check_workflow(spec: Mapping[str, Any]) -> None:
    size = len(json.dumps(spec, ensure_ascii=False).encode())
    if size <= MAX_WORKFLOW_BYTES:
        return
    named = {
        f"{node.label}.{name}": specs.constant(source)
        for node in specs.tasks(spec)
        for name, source in specs.parameter_inputs(node.task).items()
    }
    name, largest = _largest(named)
    raise CompileError(
        f"{specs.pipeline_name(spec)}: the pipeline takes {size:,} bytes, but Kubernetes holds a "
        f"Workflow of at most {MAX_WORKFLOW_BYTES:,}. The largest parameter is `{name}` with "
        f"{largest:,}. Put large values into files and pass their URIs, or divide the pipeline."
    )


def _largest(values: Mapping[str, Any]) -> tuple[str, int]:
    sizes = {
        name: len(json.dumps(value, ensure_ascii=False).encode()) for name, value in values.items()
    }
    return max(sizes.items(), key=lambda item: (item[1], item[0]))

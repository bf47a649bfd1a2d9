"""Names the tasks for which components search in earlier runs as a service names them.

On this machine, the directory of a task may have the task's display name. Services name
directories by the task's key in the pipeline, such as `evaluator-2`.
"""

from collections.abc import Mapping
from typing import Any

from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace.ir.task_names import TaskNames
from headrace.ir.view import Pipeline

# By component, the parameters that name a task, or lists of tasks.
_PARAMETERS = {
    "latest_artifact": ("producer", "alternatives", "together_with"),
    "latest_blessed_model": ("blessings", "models"),
}


def apply_searched_tasks(spec: Mapping[str, Any]) -> Spec:
    """Returns `spec` in which searches name tasks by their keys.

    A name that is not the display name of one task stays as it is.
    """
    if not any(_searched(node) for node in specs.tasks(spec)):
        return dict(spec)
    names = TaskNames.of(Pipeline(body=spec))
    keys = {path[-1]: found[-1] for found, path in names.nodes.items()}
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        sources = specs.parameter_inputs(node.task)
        for name in _searched(node):
            value = sources.get(name, {}).get("runtimeValue", {})
            if "constant" in value:
                value["constant"] = _renamed(value["constant"], keys)
    return result


def _searched(node: specs.TaskNode) -> tuple[str, ...]:
    return _PARAMETERS.get(specs.headrace_component(node.container) or "", ())


def _renamed(value: Any, keys: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(item, keys) for item in value]
    if not isinstance(value, str):
        return value
    task, separator, output = value.partition("/")
    return f"{keys.get(task, task)}{separator}{output}"

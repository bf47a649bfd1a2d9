"""The information of an exit task on the tasks before it: `dsl.PipelineTaskFinalStatus`."""

from typing import Any

from headrace.ir.view import ComponentSpec
from headrace.targets.local.execution.placeholders import Context
from headrace.targets.local.shared.results import TaskResult
from headrace.targets.local.shared.rules import Rules

_UNKNOWN = 2  # of `google.rpc.Code`; a `google.rpc.Status` that is OK is empty as JSON
_STATES = {"succeeded": "SUCCEEDED", "failed": "FAILED", "skipped": "SKIPPED"}
_OF_ML_METADATA = {"succeeded": "COMPLETE", "failed": "FAILED", "skipped": "CANCELED"}


def final_status(
    producer: str, result: TaskResult, component: ComponentSpec, rules: Rules, context: Context
) -> dict[str, Any]:
    """Returns how a task ended, as JSON data.

    Args:
        producer: Name of the task.
        result: How it ended.
        component: The component of the exit task. A Python component gets kfp's words, because it
            translates those of a backend.
        rules: Those of the backend that the run is like.
        context: Values of the pipeline's placeholders.
    """
    of_task: dict[str, Any] = {
        "pipelineJobResourceName": context.pipeline["pipeline_job_resource_name"],
        "pipelineTaskName": producer,
    }
    if not rules.gives_reasons and not component.is_python:
        state = "RUNNING" if result.ran_nothing else _OF_ML_METADATA[result.state]
        return {"state": state, "error": {}, **of_task}
    error: dict[str, Any] = {}
    if result.failure:
        name = f"{result.failure.task}: "
        error = {"code": _UNKNOWN, "message": name + result.failure.message.removeprefix(name)}
    return {"state": _STATES[result.state], "error": error, **of_task}

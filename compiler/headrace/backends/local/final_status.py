"""What an exit task is told of the tasks before it: `dsl.PipelineTaskFinalStatus`."""

from typing import Any

from headrace import ir
from headrace.backends.local.model import Result
from headrace.backends.local.placeholders import Context
from headrace.backends.local.rules import Rules
from headrace.backends.local.spec import Component

# As `google.rpc.Code`: 0 is OK, 2 is UNKNOWN.
_STATES = {"succeeded": ("SUCCEEDED", 0), "failed": ("FAILED", 2), "skipped": ("SKIPPED", 0)}
_OF_ML_METADATA = {"succeeded": "COMPLETE", "failed": "FAILED", "skipped": "CANCELED"}


def final_status(
    producer: str, result: Result, component: Component, rules: Rules, context: Context
) -> dict[str, Any]:
    """Returns how a task ended, as JSON data.

    Args:
        producer: Name of the task.
        result: How it ended.
        component: The component of the exit task. A Python component translates what a backend
            tells, so it gets kfp's words.
        rules: Those of the backend that the run is like.
        context: Values of the pipeline's placeholders.
    """
    told: dict[str, Any] = {
        "pipelineJobResourceName": context.pipeline["pipeline_job_resource_name"],
        "pipelineTaskName": producer,
    }
    container = (component.executor or {}).get("container", {})
    if not rules.tells_reasons and not ir.is_python_component(container):
        state = "RUNNING" if result.ran_nothing else _OF_ML_METADATA[result.state]
        return {"state": state, "error": {}, **told}
    state, code = _STATES[result.state]
    message = ""
    if result.failure:
        name = f"{result.failure.task}: "
        message = name + result.failure.message.removeprefix(name)
    return {"state": state, "error": {"code": code, "message": message}, **told}

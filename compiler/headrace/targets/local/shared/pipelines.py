"""The pipelines that the local target can run."""

from collections.abc import Mapping
from typing import Any

from headrace.ir.validation.checks import check_spec
from headrace.ir.validation.expressions import check_expressions
from headrace.ir.view import Pipeline, TaskSpec
from headrace_components.contract.errors import InputError

RESERVED = frozenset({"logs", "run.json", "state.json", "summary.json", "tasks.jsonl"})
"""Names under a run's directory that are not tasks."""


def checked_pipeline(spec: Mapping[str, Any]) -> Pipeline:
    """Returns a view of a pipeline that can run here.

    Raises:
        InputError: It is not sound, or a task of it cannot run here.
    """
    check_spec(spec, "headrace run")
    check_expressions(spec, "headrace run")
    pipeline = Pipeline(body=spec)
    reserved = sorted(RESERVED & set(pipeline.root.tasks))
    if reserved:
        raise InputError(
            f"headrace run: a task is named {reserved[0]!r}, a name that a run's directory "
            "needs for itself. Rename the component."
        )
    for path, task in pipeline.leaves():
        _check(path, task, pipeline)
    return pipeline


def _check(path: tuple[str, ...], task: TaskSpec, pipeline: Pipeline) -> None:
    if task.retry.max_retries < 0:
        raise InputError(
            f"{'/'.join(path)}: it would be retried forever: `maxRetryCount` is "
            f"{task.retry.max_retries}, expected 0 or more. Write in `set_retry` how many "
            "times to try again, and compile the pipeline again."
        )
    executor = pipeline.component(task.component).executor
    if not {"container", "importer"} & set(executor):
        raise InputError(
            f"{'/'.join(path)}: its executor is {sorted(executor) or 'missing'}; the local "
            "backend runs containers and importers. Run this pipeline on Vertex."
        )

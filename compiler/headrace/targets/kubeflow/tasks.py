"""Finds the states of the pipeline's tasks from the nodes of a run's workflow."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.contract.service import ServiceTask, ServiceTaskState
from headrace.contract.shown_values import shown
from headrace.ir import specs
from headrace.targets.kubeflow.lineage.rest import ApiSource
from headrace.targets.kubeflow.nodes import TaskNodes, Workflow, is_in_loop
from headrace.targets.kubeflow.records import is_cancelled, seconds_of

_STATES: dict[str, ServiceTaskState] = {
    "PENDING": "running",
    "RUNNING": "running",
    "SUCCEEDED": "done",
    "SKIPPED": "skipped",
    "FAILED": "failed",
    "CANCELING": "running",
    "CANCELED": "cancelled",
}

_EXECUTION_STATES: dict[str, ServiceTaskState] = {
    "running": "running",
    "done": "done",
    "cached": "cached",
    "failed": "failed",
    "canceled": "skipped",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """A task that has started.

    Attributes:
        task: The task, without the information from its pod.
        pods: Argo's ids of its pods, the latest last. Before it has one, those of its driver, which
            runs first.
        is_driver: Whether `pods` are its driver's.
        is_pending_for_sure: Whether it can only be this task's pod that waits, if one does.
        node: The task in the pipeline.
    """

    task: ServiceTask
    pods: tuple[str, ...]
    is_driver: bool
    is_pending_for_sure: bool
    node: specs.TaskNode


def tasks_of_nodes(run: Any, spec: Mapping[str, Any]) -> list[Started]:
    """Returns the tasks of a run that have started, by the nodes of its workflow.

    A DAG is included if it failed before any of its tasks began.

    Args:
        run: `V2beta1Run`. Its `task_details` are nodes of an Argo workflow: the tasks, a driver and
            an executor for each, and the DAGs that contain them.
        spec: The pipeline of the run, which shows which nodes are tasks.
    """
    workflow = Workflow(run.run_details.task_details or [])
    found = []
    for nodes in workflow.tasks(spec):
        started = _started(nodes, workflow, was_cancelled=is_cancelled(run))
        if started is not None:
            first = nodes.detail if nodes.detail is not None else nodes.driver
            found.append((first.start_time, nodes.label, started))
    return [started for _, _, started in sorted(found, key=lambda each: each[:2])]


def _started(nodes: TaskNodes, workflow: Workflow, *, was_cancelled: bool) -> Started | None:
    state = _STATES.get(str(getattr(nodes.detail, "state", "")), "waiting")
    is_driver = state == "waiting"
    if is_driver and str(getattr(nodes.driver, "state", "")) == "FAILED":
        state = "failed"
    if not nodes.node.executor and not (is_driver and state == "failed"):
        return None
    shown = nodes.driver if is_driver else nodes.detail
    if shown is None:
        return None
    holder, pods = (nodes.driver, nodes.driver_pods) if is_driver else (nodes.executor, nodes.pods)
    # Terminating a run kills its pods, which then have failed.
    if state == "failed" and was_cancelled:
        state = "cancelled"
    if nodes.is_cached:
        state = "cached"
    candidates = workflow.candidates(holder, pods) if state in ("waiting", "running") else []
    pending = [each for each in candidates if str(each.state) == "PENDING"]
    end = None if state == "running" else shown.end_time
    return Started(
        task=ServiceTask(
            name=nodes.label,
            state=state,
            seconds=0.0 if state == "waiting" else seconds_of(shown.start_time, end),
            pending_seconds=seconds_of(pending[0].start_time, None) if pending else 0.0,
            message=shown.error.message if shown.error is not None else "",
        ),
        pods=pods,
        is_driver=is_driver,
        is_pending_for_sure=len(pending) == len(candidates),
        node=nodes.node,
    )


def settled(found: Sequence[Started], run: Any) -> list[Started]:
    """Returns the tasks of a run that has ended, none of them in a running state.

    The API may report the end of a run before the ends of its last tasks.
    """
    left: ServiceTaskState = "done" if str(run.state) == "SUCCEEDED" else "cancelled"
    states: dict[str, ServiceTaskState] = {"running": left, "waiting": "skipped"}
    return [
        dataclasses.replace(
            each,
            task=dataclasses.replace(
                each.task,
                state=states.get(each.task.state, each.task.state),
                pending_seconds=0.0,
            ),
        )
        for each in found
    ]


def tasks_of_executions(source: ApiSource, run_id: str) -> list[ServiceTask]:
    """Returns the tasks of a run that have started, by its lineage."""
    artifacts = source.artifacts_of(run_id)
    return [
        ServiceTask(
            name=each.task,
            state=_EXECUTION_STATES[each.state],
            seconds=each.seconds or 0.0,
            message=each.reason or "",
            started=datetime.fromisoformat(each.started),
            component=each.component,
            parameters=shown(each.parameters),
            inputs=artifacts[each.id][0],
            outputs=artifacts[each.id][1],
        )
        for each in source.executions_of(run_id)
    ]


def with_those_to_come(
    started: Sequence[ServiceTask], spec: Mapping[str, Any], *, is_over: bool
) -> tuple[ServiceTask, ...]:
    """Returns the tasks of a run: first those that have started, then the others.

    Args:
        started: Tasks that have started.
        spec: The pipeline of the run.
        is_over: Whether tasks that have not started never will.
    """
    seen = {_plain(task.name) for task in started}
    to_come = [
        ServiceTask(name=node.label, state="skipped" if is_over else "waiting")
        for node in (specs.tasks(spec) if spec else ())
        # The number of rounds of a loop is not known before it runs.
        if node.executor and node.label not in seen and not is_in_loop(node)
    ]
    return (*started, *to_come)


def _plain(label: str) -> str:
    """Returns a label without the numbers of loops' rounds, as in the pipeline."""
    return "/".join(step for step in label.split("/") if not step.isdigit())

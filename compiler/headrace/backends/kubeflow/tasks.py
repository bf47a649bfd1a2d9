"""What the nodes of a run's workflow say of the pipeline's tasks."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headrace import ir
from headrace.backends.local.lineage_records import Execution
from headrace.backends.remote.model import Task, TaskState

_STATES: dict[str, TaskState] = {
    "PENDING": "running",
    "RUNNING": "running",
    "SUCCEEDED": "done",
    "SKIPPED": "skipped",
    "FAILED": "failed",
    "CANCELING": "running",
    "CANCELED": "cancelled",
}

_EXECUTION_STATES: dict[str, TaskState] = {
    "running": "running",
    "done": "done",
    "cached": "cached",
    "failed": "failed",
    "canceled": "skipped",
}

# Argo's name of the n-th round of a loop: "<name>(<n>:<item>)".
_ROUND = re.compile(r".*\((?P<index>\d+):.*\)", re.DOTALL)

# The node below a task that runs its container.
_EXECUTOR = "executor"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Node:
    """A node of the workflow, and where it is in the pipeline."""

    path: tuple[str, ...]
    detail: Any
    children: tuple[Any, ...]


def tasks_of_nodes(run: Any, spec: Mapping[str, Any]) -> list[Task]:
    """Returns the tasks of a run that have started, by the nodes of its workflow.

    Args:
        run: `V2beta1Run`. Its `task_details` are nodes of an Argo workflow: besides the tasks,
            there are a driver and an executor for each, and the DAGs that hold them.
        spec: The pipeline of the run, which tells which nodes are tasks.
    """
    leaves = {node.path for node in _leaves(spec)}
    nodes = _nodes(run.run_details.task_details or [], spec)
    started = [node for node in nodes if _plain(node.path) in leaves]
    started.sort(key=lambda node: (node.detail.start_time, node.path))
    return [_task(node, run) for node in started]


def tasks_of_executions(executions: Iterable[Execution]) -> list[Task]:
    """Returns the tasks of a run that have started, by its lineage."""
    return [
        Task(
            name=each.task,
            state=_EXECUTION_STATES[each.state],
            seconds=each.seconds or 0.0,
            message=each.reason or "",
        )
        for each in executions
    ]


def with_those_to_come(
    started: Sequence[Task], spec: Mapping[str, Any], *, is_over: bool
) -> tuple[Task, ...]:
    """Returns the tasks of a run, those that have not started after those that have.

    Args:
        started: Tasks that have started.
        spec: The pipeline of the run.
        is_over: Whether a task that has not started never will.
    """
    seen = {_plain(tuple(task.name.split("/"))) for task in started}
    to_come = [
        Task(name=node.label, state="skipped" if is_over else "waiting")
        for node in _leaves(spec)
        # How often a loop turns is not known before it does.
        if node.path not in seen and not _is_in_loop(node)
    ]
    return (*started, *to_come)


def _leaves(spec: Mapping[str, Any]) -> list[ir.TaskNode]:
    """Returns the tasks that run something; none where the pipeline is not known."""
    return [node for node in ir.tasks(spec) if node.executor] if spec else []


def _nodes(details: list[Any], spec: Mapping[str, Any]) -> Iterator[_Node]:
    """Yields the nodes that bear the name of a task, each with its path in the pipeline."""
    by_id = {detail.task_id: detail for detail in details}
    parents = {
        child.pod_name: detail.task_id for detail in details for child in detail.child_tasks or []
    }
    names = {node.name for node in ir.tasks(spec)} if spec else set()
    for detail in details:
        if detail.display_name not in names:
            continue
        children = [by_id.get(child.pod_name) for child in detail.child_tasks or []]
        yield _Node(
            path=_path(detail, by_id, parents, names),
            detail=detail,
            children=tuple(child for child in children if child is not None),
        )


def _path(
    detail: Any, by_id: Mapping[str, Any], parents: Mapping[str, str], names: set[str]
) -> tuple[str, ...]:
    steps: list[str] = []
    current, visited = detail, set()
    while current is not None and current.task_id not in visited:
        visited.add(current.task_id)
        turn = _ROUND.fullmatch(current.display_name)
        if turn:
            steps.append(turn["index"])
        elif current.display_name in names:
            steps.append(current.display_name)
        current = by_id.get(parents.get(current.task_id, ""))
    return tuple(reversed(steps))


def _plain(path: tuple[str, ...]) -> tuple[str, ...]:
    """Returns a path without the numbers of loops' rounds, as the pipeline has it."""
    return tuple(step for step in path if not step.isdigit())


def _is_in_loop(node: ir.TaskNode | None) -> bool:
    while node is not None:
        if "parameterIterator" in node.task or "artifactIterator" in node.task:
            return True
        node = node.parent
    return False


def _task(node: _Node, run: Any) -> Task:
    detail = node.detail
    state = _STATES.get(str(detail.state), "waiting")
    executors = [child for child in node.children if child.display_name == _EXECUTOR]
    if state == "done" and executors and all(str(each.state) == "SKIPPED" for each in executors):
        state = "cached"
    # Terminating a run kills its pods, which then have failed.
    if state == "failed" and str(run.state) in ("CANCELING", "CANCELED"):
        state = "cancelled"
    said = [each.error.message for each in (*executors, detail) if each.error is not None]
    start, end = detail.start_time, detail.end_time
    until = end if state != "running" and end and start and end > start else datetime.now(UTC)
    return Task(
        name="/".join(node.path),
        state=state,
        seconds=max(0.0, (until - start).total_seconds()) if start else 0.0,
        message=next((text for text in said if text), "") if state == "failed" else "",
    )

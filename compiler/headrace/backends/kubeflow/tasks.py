"""What the nodes of a run's workflow say of the pipeline's tasks."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from headrace import ir
from headrace.backends.kubeflow.records import seconds_of
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

# Loops within loops are told apart up to this many names; beyond that they are numbered.
_MOST_NAMES = 100_000


def tasks_of_nodes(run: Any, spec: Mapping[str, Any], where_logs_are: str) -> list[Task]:
    """Returns the tasks of a run that have started, by the nodes of its workflow.

    A task that was answered from the cache is `done`: nodes do not tell.

    Args:
        run: `V2beta1Run`. Its `task_details` are nodes of an Argo workflow: besides the tasks,
            there are a driver and an executor for each, and the DAGs that hold them.
        spec: The pipeline of the run, which tells which nodes are tasks.
        where_logs_are: What a task that failed says, since its node does not say why.
    """
    details = run.run_details.task_details or []
    is_ending = str(run.state) in ("CANCELING", "CANCELED")
    by_name: dict[str, list[ir.TaskNode]] = {}
    for node in _leaves(spec):
        by_name.setdefault(node.name, []).append(node)
    found = []
    for name, nodes in by_name.items():
        mine = [detail for detail in details if detail.display_name == name]
        found += [
            (detail.start_time, _task(detail, label, is_ending, where_logs_are))
            for detail, label in _labelled(mine, nodes)
        ]
    return [task for _, task in sorted(found, key=lambda each: (each[0], each[1].name))]


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
    seen = {_plain(task.name) for task in started}
    to_come = [
        Task(name=node.label, state="skipped" if is_over else "waiting")
        for node in _leaves(spec)
        # How often a loop turns is not known before it does.
        if node.label not in seen and not _is_in_loop(node)
    ]
    return (*started, *to_come)


def _leaves(spec: Mapping[str, Any]) -> list[ir.TaskNode]:
    """Returns the tasks that run something; none where the pipeline is not known."""
    return [node for node in ir.tasks(spec) if node.executor] if spec else []


def _labelled(details: Sequence[Any], nodes: Sequence[ir.TaskNode]) -> Iterator[tuple[Any, str]]:
    """Yields nodes of one name with where they are in the pipeline, as `for-loop-1/0/trainer`.

    A node does not say which one it is. But it names its children by Argo's ids, which are hashes
    of names: the child of a task is its executor, whose name has the whole path in it.
    """
    if len(nodes) == 1 and not _is_in_loop(nodes[0]):
        yield from ((detail, nodes[0].label) for detail in details)
        return
    names = {
        _hash(f"{name}.executor"): label
        for workflow in {_workflow(detail) for detail in details} - {""}
        for node in nodes
        for name, label in _turns(f"{workflow}.root", node, len(details))
    }
    for number, detail in enumerate(details):
        labels = [names[each] for each in _children(detail) if each in names]
        if labels:
            yield detail, labels[0]
        elif _STATES.get(str(detail.state)) != "running":
            # It ended before it had an executor; else it will have one in a moment.
            yield detail, f"{nodes[0].label}#{number}"


def _turns(root: str, node: ir.TaskNode, count: int) -> Iterator[tuple[str, str]]:
    """Yields the names that Argo's node of a task may have, and what we call each.

    Args:
        root: Name of the node of the pipeline's root.
        node: The task.
        count: Most turns of a loop.
    """
    chain = [node]
    while chain[0].parent is not None:
        chain.insert(0, chain[0].parent)
    loops = [each for each in chain if _is_loop(each)]
    turns = itertools.product(range(count), repeat=len(loops))
    for indexes in itertools.islice(turns, _MOST_NAMES):
        index_of = dict(zip((each.path for each in loops), indexes, strict=True))
        name, steps = root, []
        for each in chain:
            name += f".{each.name}"
            steps.append(each.name)
            if each.path in index_of:
                index = index_of[each.path]
                name += f".iteration-iterations({index}:{index}).iteration-item"
                steps.append(str(index))
        yield name, "/".join(steps)


def _workflow(detail: Any) -> str:
    """Returns the workflow's name, which the ids of all nodes begin with."""
    children = detail.child_tasks or []
    return str(children[0].pod_name).rpartition("-")[0] if children else ""


def _children(detail: Any) -> list[str]:
    return [str(child.pod_name).rpartition("-")[2] for child in detail.child_tasks or []]


def _hash(name: str) -> str:
    """Returns the end of Argo's id of a node: FNV-1a of its name, 32 bits.

    Source: `NodeID` in pkg/apis/workflow/v1alpha1/workflow_types.go of argoproj/argo-workflows.
    """
    digest = 2166136261
    for byte in name.encode():
        digest = ((digest ^ byte) * 16777619) & 0xFFFFFFFF
    return str(digest)


def _plain(label: str) -> str:
    """Returns a label without the numbers of loops' turns, as the pipeline has it."""
    return "/".join(step for step in label.partition("#")[0].split("/") if not step.isdigit())


def _is_loop(node: ir.TaskNode) -> bool:
    return "parameterIterator" in node.task or "artifactIterator" in node.task


def _is_in_loop(node: ir.TaskNode | None) -> bool:
    while node is not None:
        if _is_loop(node):
            return True
        node = node.parent
    return False


def _task(detail: Any, label: str, is_ending: bool, where_logs_are: str) -> Task:
    state = _STATES.get(str(detail.state), "waiting")
    # Terminating a run kills its pods, which then have failed.
    if state == "failed" and is_ending:
        state = "cancelled"
    said = detail.error.message if detail.error is not None else ""
    return Task(
        name=label,
        state=state,
        seconds=seconds_of(detail.start_time, None if state == "running" else detail.end_time),
        message=(said or where_logs_are) if state == "failed" else "",
    )

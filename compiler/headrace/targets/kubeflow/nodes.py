"""Finds which nodes of a run's Argo workflow belong to which task of its pipeline.

A node does not contain the name of its task. But it refers to its children by Argo's ids, which are
hashes of names that contain the whole path: `flights-x7k2p(0).root(0).train(0).executor(0)` is the
first attempt of a task's pod. `(0)` appears if a template may be tried again, which is true for all
of Kubeflow Pipelines 2.17.
"""

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.ir import specs

# Turns of a loop that are looked for, in loops within loops together.
_MOST_TURNS = 100_000

# The first node of a loop's round, of a DAG and of a task. A parent is recognized by it.
_FIRST_WITHIN = ("executor", "iteration-driver")


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskNodes:
    """The nodes of a task, or of one round of its loop.

    Attributes:
        label: Path within the pipeline, such as `for-loop-1/0/trainer`.
        node: The task in the pipeline.
        detail: The API's record of the node of the task itself; None before there is one.
        executor: The same for the node with the attempts; None before it exists.
        pods: Argo's ids of its pods, one an attempt, the latest last; empty before there is one.
        driver: The record of its driver; None before there is one.
        driver_pods: Argo's ids of the driver's pods.
        is_cached: Whether it was answered from the cache, as far as nodes show it.
    """

    label: str
    node: specs.TaskNode
    detail: Any = None
    executor: Any = None
    pods: tuple[str, ...] = ()
    driver: Any = None
    driver_pods: tuple[str, ...] = ()
    is_cached: bool = False


class Workflow:
    """The nodes of a run.

    Args:
        details: `task_details` of a `V2beta1Run`.
    """

    def __init__(self, details: Sequence[Any]) -> None:
        self._details = details
        self._parents: dict[str, list[Any]] = defaultdict(list)
        self._named: dict[str, list[Any]] = defaultdict(list)
        self.name = ""
        for detail in details:
            self._named[str(detail.display_name)].append(detail)
            for child in detail.child_tasks or []:
                self.name, _, number = str(child.pod_name).rpartition("-")
                self._parents[number].append(detail)

    def tasks(self, spec: Mapping[str, Any]) -> Iterator[TaskNodes]:
        """Yields the nodes of the pipeline's tasks that have started, each DAG before its tasks."""
        if not spec:
            return
        within: dict[tuple[str, ...], list[specs.TaskNode]] = defaultdict(list)
        for node in specs.tasks(spec):
            within[node.path[:-1]].append(node)
        once = {name for name, nodes in _by_name(within).items() if len(nodes) == 1}
        root = self._attempts(f"{self._attempts(self.name)[-1]}.root")[-1]
        yield from self._dag(root, "", (), within, once)

    @property
    def root_drivers(self) -> tuple[str, ...]:
        """Argo's ids of the pods that began the run."""
        return self._pods(f"{self._attempts(self.name)[-1]}.root-driver")

    def _dag(
        self,
        name: str,
        label: str,
        path: tuple[str, ...],
        within: Mapping[tuple[str, ...], Sequence[specs.TaskNode]],
        once: set[str],
    ) -> Iterator[TaskNodes]:
        for node in within.get(path, ()):
            own, shown = f"{name}.{node.name}", f"{label}{node.name}"
            found = self._task(
                own, shown, node, is_alone=node.name in once and not is_in_loop(node)
            )
            if found is not None:
                yield found
            if node.executor:
                continue
            inner = self._attempts(own)[-1]
            if not is_loop(node):
                yield from self._dag(inner, f"{shown}/", node.path, within, once)
                continue
            for index in range(_MOST_TURNS):
                turn = f"{inner}.iteration-iterations({index}:{index})"
                if not self._is_there(turn):
                    break
                item = self._attempts(f"{self._attempts(turn)[-1]}.iteration-item")[-1]
                yield from self._dag(item, f"{shown}/{index}/", node.path, within, once)

    def _task(
        self, name: str, label: str, node: specs.TaskNode, *, is_alone: bool
    ) -> TaskNodes | None:
        detail = self._record(name, node.name)
        driver = self._record(f"{name}-driver", f"{node.name}-driver", follows=name)
        if is_alone and detail is None:
            # For example the task of an exit handler, for which Argo uses another name.
            detail = self._only(node.name)
        if detail is None and driver is None:
            return None
        executor: Any = None
        pods: tuple[str, ...] = ()
        if node.container:
            own = f"{self._attempts(name)[-1]}.executor"
            executor, pods = self._record(own, "executor"), self._pods(own)
        elif node.executor:  # an importer is its own pod
            executor, pods = detail, self._pods(name)
        return TaskNodes(
            label=label,
            node=node,
            detail=detail,
            executor=executor,
            pods=pods,
            driver=driver,
            driver_pods=self._pods(f"{name}-driver"),
            is_cached=self._is_cached(detail, node, name, pods),
        )

    def _is_cached(
        self, detail: Any, node: specs.TaskNode, name: str, pods: tuple[str, ...]
    ) -> bool:
        # Its executor was there and never tried.
        return bool(
            self._tries_again
            and node.container
            and not pods
            and str(getattr(detail, "state", "")) == "SUCCEEDED"
            and self._is_there(f"{self._attempts(name)[-1]}.executor")
        )

    def candidates(self, holder: Any, pods: Sequence[str]) -> list[Any]:
        """Returns the records one of which is that of the latest attempt's pod.

        Only its number and its time of creation connect it with its task.

        Args:
            holder: Record of the node with the attempts: an executor or a driver.
            pods: Argo's ids of the attempts.
        """
        if holder is None or not pods:
            return []
        number = len(pods) - 1
        return [
            detail
            for detail in self._named.get(f"{holder.display_name}({number})", ())
            if number or abs((detail.start_time - holder.start_time).total_seconds()) <= 1
        ]

    def _record(self, name: str, display_name: str, follows: str = "") -> Any:
        """Returns the record of a node, which is the parent of the nodes within it or after it."""
        children = [f"{name}(0)", *(f"{name}.{each}" for each in _FIRST_WITHIN), follows]
        for child in filter(None, children):
            for parent in self._parents.get(_hash(child), ()):
                if parent.display_name == display_name:
                    return parent
        return None

    def _only(self, display_name: str) -> Any:
        found = self._named.get(display_name, ())
        return max(found, key=lambda each: each.start_time, default=None)

    def _attempts(self, name: str) -> list[str]:
        """Returns the names of a node's attempts, or its own name if it is tried only once."""
        found: list[str] = []
        while self._is_there(f"{name}({len(found)})"):
            found.append(f"{name}({len(found)})")
        return found or [name]

    def _pods(self, name: str) -> tuple[str, ...]:
        attempts = [each for each in self._attempts(name) if self._is_there(each)]
        if attempts == [name] and self._tries_again:
            return ()  # this is the node that will have the attempts
        return tuple(f"{self.name}-{_hash(each)}" for each in attempts)

    @property
    def _tries_again(self) -> bool:
        return self._is_there(f"{self.name}(0)")

    def _is_there(self, name: str) -> bool:
        return _hash(name) in self._parents


def is_loop(node: specs.TaskNode) -> bool:
    """Returns whether a task runs once per item of a list."""
    return "parameterIterator" in node.task or "artifactIterator" in node.task


def is_in_loop(node: specs.TaskNode | None) -> bool:
    """Returns whether a task is in a loop, or is a loop."""
    while node is not None:
        if is_loop(node):
            return True
        node = node.parent
    return False


def _by_name(
    within: Mapping[tuple[str, ...], Sequence[specs.TaskNode]],
) -> dict[str, list[specs.TaskNode]]:
    found: dict[str, list[specs.TaskNode]] = defaultdict(list)
    for nodes in within.values():
        for node in nodes:
            found[node.name].append(node)
    return found


# Names are the same each time that a run is looked at, and a loop has many.
@functools.lru_cache(maxsize=1 << 17)
def _hash(name: str) -> str:
    """Returns the end of Argo's id of a node: FNV-1a of its name, 32 bits.

    Source: `NodeID` in pkg/apis/workflow/v1alpha1/workflow_types.go of argoproj/argo-workflows.
    """
    digest = 2166136261
    for byte in name.encode():
        digest = ((digest ^ byte) * 16777619) & 0xFFFFFFFF
    return str(digest)

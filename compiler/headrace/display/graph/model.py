"""The tree of a pipeline's tasks, with their states in a run."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from headrace.contract.service import ServiceTask
from headrace.ir.view import ComponentSpec, Pipeline, TaskSpec

Kind = Literal["task", "loop", "condition", "pipeline"]
Path = tuple[str, ...]

ANY_ROUND = "*"
"""Stands for the number of a round in the path of a task."""

NOT_RUN = "not run"
"""The state of a task that a run which is over never came to."""

_CHANNEL = "pipelinechannel--"
"""kfp's prefix of the inputs that it adds to a group."""

_VALUE = re.compile(rf"inputs\.parameter_values\['(?:{_CHANNEL})?([^']*)'\]")

# The first of these that any task has is the state of a group.
_STATES = ("failed", "running", "cancelled", "waiting", NOT_RUN, "done", "cached", "skipped")


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A task of the pipeline, or a group of tasks.

    Attributes:
        path: Its path; `*` stands for rounds of loops.
        kind: What it is.
        title: Its name for people.
        detail: A condition, or what a loop goes over; for a task, its component.
        counts: Number of its runs by state: one for a task, one a round for a task in a loop, those
            of all tasks for a group.
        run_name: The name of its runs in the run, with `*` for rounds: the last part may be the
            name for people. Empty for groups.
        seconds: The longest of them; None if none has started.
        children: Tasks of a group, in an order in which they may run.
        edges: Pairs of children by path; the second needs the first.
    """

    path: str
    kind: Kind
    title: str
    detail: str
    counts: Mapping[str, int]
    run_name: str = ""
    seconds: float | None = None
    children: Sequence["Node"] = ()
    edges: Sequence[tuple[str, str]] = ()

    @property
    def state(self) -> str:
        """The state that needs the most attention."""
        total = sum(self.counts.values())
        if self.counts.get("waiting", 0) not in (0, total) and not self.counts.get("failed"):
            return "running"  # some are done, and others not
        return next((state for state in _STATES if self.counts.get(state)), NOT_RUN)

    @property
    def num_runs(self) -> int:
        """How often its tasks ran, or will, as far as it is known."""
        return sum(self.counts.values())

    @property
    def summary(self) -> str:
        """Its state in words, with how often its tasks ran."""
        if self.num_runs == 1:
            return self.state
        # The states that need attention first.
        counts = [f"{self.counts[state]} {state}" for state in _STATES if self.counts.get(state)]
        return ", ".join(counts)

    def walk(self) -> Iterator["Node"]:
        """Yields the node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def tree_of(pipeline: Pipeline, tasks: Sequence[ServiceTask], *, is_over: bool) -> Node:
    """Returns the tree of a pipeline.

    Args:
        pipeline: The pipeline; it is sound.
        tasks: The tasks of a run.
        is_over: Whether no task will follow.
    """
    runs: dict[str, list[ServiceTask]] = {}
    for task in tasks:
        runs.setdefault(pattern_of(task.name), []).append(task)
    builder = _Builder(pipeline=pipeline, runs=runs, is_over=is_over)
    return builder.group(
        pipeline.root, (), path="", kind="pipeline", title=pipeline.author_name, detail=""
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Builder:
    pipeline: Pipeline
    runs: Mapping[str, Sequence[ServiceTask]]
    is_over: bool

    def group(
        self, dag: ComponentSpec, above: Path, *, path: str, kind: Kind, title: str, detail: str
    ) -> Node:
        children = {name: self._node(task, above) for name, task in dag.tasks.items()}
        counts = Counter[str]()
        for child in children.values():
            counts.update(child.counts)
        seconds = [child.seconds for child in children.values() if child.seconds is not None]
        return Node(
            path=path,
            kind=kind,
            title=title,
            detail=detail,
            counts=counts,
            seconds=max(seconds, default=None),
            children=tuple(children.values()),
            edges=tuple(
                (children[before].path, children[name].path)
                for name, task in dag.tasks.items()
                for before in task.upstream
            ),
        )

    def _node(self, task: TaskSpec, above: Path) -> Node:
        component = self.pipeline.component(task.component)
        path = "/".join((*above, task.name))
        inner = (*above, task.name, ANY_ROUND) if task.iterator else (*above, task.name)
        title = task.display_name or task.name
        if component.is_dag:
            kind, detail = _meaning(task)
            return self.group(component, inner, path=path, kind=kind, title=title, detail=detail)
        path = "/".join(inner)
        shown = "/".join((*above, title))
        found = self.runs.get(pattern_of(path)) or self.runs.get(pattern_of(shown), ())
        is_one = len(found) == 1 and ANY_ROUND not in inner
        name = found[0].name if found else path
        return Node(
            path=path,
            kind="task",
            title=title,
            detail=component.headrace_name or component.name,
            counts=Counter(state_in(each.state, is_over=self.is_over) for each in found)
            or {state_in("waiting", is_over=self.is_over): 1},
            run_name=name if is_one else pattern_of(name),
            seconds=max((each.seconds for each in found if each.state != "waiting"), default=None),
        )


def state_in(state: str, *, is_over: bool) -> str:
    """Returns the state of a task for people, in a run that is over or not."""
    return NOT_RUN if is_over and state == "waiting" else state


def pattern_of(name: str) -> str:
    """Returns the path of a task with `*` for the numbers of rounds."""
    return "/".join(ANY_ROUND if part.isdigit() else part for part in name.split("/"))


def _meaning(task: TaskSpec) -> tuple[Kind, str]:
    """Returns what a group of tasks is, and the words for it."""
    if task.iterator:
        items = task.iterator.get("items", {})
        over = str(items.get("inputParameter") or items.get("inputArtifact") or "given items")
        limit = f", {task.parallelism_limit} at a time" if task.parallelism_limit else ""
        return "loop", f"for each of {over.removeprefix(_CHANNEL)}{limit}"
    if task.condition:
        return "condition", "if " + _VALUE.sub(r"\1", task.condition)
    return "pipeline", "sub-pipeline"

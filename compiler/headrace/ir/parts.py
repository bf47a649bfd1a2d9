"""Parts of a pipeline: the tasks that some nodes lead to and others need."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from headrace.ir.task_names import ITERATION, Path, TaskNames
from headrace.ir.view import ComponentSpec, Pipeline
from headrace_components.contract.errors import InputError

MAX_NAMES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of a pipeline; paths have `*` for iterations.

    Attributes:
        runs: The tasks that run.
        reused: The tasks that these need, and that do not run.
    """

    runs: frozenset[Path]
    reused: frozenset[Path]


def part_of(
    pipeline: Pipeline,
    names: TaskNames,
    from_nodes: Collection[str],
    to_nodes: Collection[str],
) -> Part:
    """Returns the tasks that `from_nodes` lead to and `to_nodes` need, those included.

    Args:
        pipeline: The pipeline.
        names: The names of its tasks.
        from_nodes: Names of tasks; empty for all.
        to_nodes: Names of tasks; empty for all.

    Raises:
        InputError: A name is that of no task or of several, or nothing is left to run.
    """
    needed = needed_tasks(pipeline)
    start = _named(from_nodes, names, needed, "from_nodes") or set(needed)
    end = _named(to_nodes, names, needed, "to_nodes") or set(needed)
    reached = {path for path, before in needed.items() if path in start or before & start}
    wanted = end.union(*(needed[path] for path in end))
    runs = frozenset(reached & wanted)
    if not runs:
        raise InputError(
            f"headrace run: no task is between {sorted(from_nodes)} and {sorted(to_nodes)}: the "
            "first do not lead to the others. Name nodes that do."
        )
    return Part(runs=runs, reused=frozenset().union(*(needed[path] for path in runs)) - runs)


def needed_tasks(pipeline: Pipeline) -> dict[Path, frozenset[Path]]:
    """Returns all tasks that run before a task, for each that is not a DAG."""
    found: dict[Path, frozenset[Path]] = {}

    def visit(dag: ComponentSpec, path: Path, before: frozenset[Path]) -> frozenset[Path]:
        inside: dict[str, frozenset[Path]] = {}
        for name, task in dag.tasks.items():
            here = (*path, name, ITERATION) if task.iterator else (*path, name)
            direct = before.union(*(inside[upstream] for upstream in task.upstream))
            needed = direct.union(*(found[each] for each in direct))
            component = pipeline.component(task.component)
            if component.is_dag:
                inside[name] = visit(component, here, needed)
            else:
                found[here] = needed
                inside[name] = frozenset({here})
        return frozenset().union(*inside.values())

    visit(pipeline.root, (), frozenset())
    return found


def _named(
    wanted: Iterable[str], names: TaskNames, tasks: Mapping[Path, object], argument: str
) -> set[Path]:
    found = set()
    for name in wanted:
        matches = [path for path in tasks if names.node(path) == name]
        matches = matches or [
            path for path in tasks if name.replace("_", "-") in (path[-1], "/".join(path))
        ]
        if len(matches) != 1:
            known = sorted(names.node(path) for path in tasks)
            shown = known[:MAX_NAMES] + (["..."] if len(known) > MAX_NAMES else [])
            count = "no task" if not matches else f"{len(matches)} tasks"
            raise InputError(
                f"headrace run: `{argument}` names {name!r}, which is the name of {count}, "
                f"expected one of {shown}. Correct it."
            )
        found.add(matches[0])
    return found

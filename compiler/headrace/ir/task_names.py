"""Names of tasks for people, lineage and directories: display names, where these are clear.

A task has a key in its DAG, such as `evaluator-2`, and perhaps a display name of its author, such
as `Evaluator.mnist`. The display name stands for the task where no other task could be meant.
Otherwise the name is the path of keys, such as `condition-1/evaluator-2`.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from headrace.ir.view import Pipeline

Path = tuple[str, ...]

ITERATION = "*"
"""Stands in a path for the number of an iteration."""

# Safe in a path and in a URI. Directories with the prefixes contain the data of examples and of
# models, and are not searched for tasks. Logs of other programs begin with `_`.
_FILE_NAME = re.compile(r"(?!Split-|Columnar-|Format-)[A-Za-z0-9][A-Za-z0-9_.+=@-]{0,119}")
_MAX_LENGTH = 120  # of a column of a MySQL store, with the names around it, 255


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskNames:
    """The names of the tasks of one pipeline.

    Attributes:
        nodes: For the path of a task, with `*` for iterations, the path under which lineage has it.
        directories: Likewise, the path of its directory below that of the run.
        loops: The paths of loops.
    """

    nodes: Mapping[Path, Path]
    directories: Mapping[Path, Path]
    loops: frozenset[Path] = field(default_factory=frozenset)

    @classmethod
    def of(cls, pipeline: Pipeline, reserved: Collection[str] = ()) -> "TaskNames":
        """Returns the names of a pipeline's tasks.

        Args:
            pipeline: The pipeline.
            reserved: Names in a run's directory that are not tasks.
        """
        tasks = {path: task.display_name for path, task in pipeline.leaves()}
        used = {name.casefold() for name in reserved}
        return cls(
            nodes=_chosen(tasks, _is_readable, str),
            directories=_chosen(
                tasks,
                lambda name: bool(_FILE_NAME.fullmatch(name)) and name.casefold() not in used,
                str.casefold,
            ),
            loops=frozenset(
                path[:index]
                for path in tasks
                for index, segment in enumerate(path)
                if segment == ITERATION
            ),
        )

    def node(self, path: Path) -> str:
        """Returns the name of a task for reports and lineage.

        Args:
            path: Where it stands in the pipeline; numbers are iterations of loops.
        """
        return "/".join(self._filled(path, self.nodes))

    def directory(self, path: Path) -> Path:
        """Returns the path of a task's directory below that of its run."""
        return self._filled(path, self.directories)

    def pattern(self, path: Path) -> Path:
        """Returns the path of a task with `*` for iterations."""
        pattern: Path = ()
        for segment in path:
            pattern = (*pattern, ITERATION if pattern in self.loops else segment)
        return pattern

    def _filled(self, path: Path, names: Mapping[Path, Path]) -> Path:
        pattern = self.pattern(path)
        found = names.get(pattern, pattern)
        # Up to the last iteration, both are the same.
        return tuple(
            path[index] if segment == ITERATION else segment for index, segment in enumerate(found)
        )


def _chosen(
    tasks: Mapping[Path, str], fits: Callable[[str], bool], fold: Callable[[str], str]
) -> dict[Path, Path]:
    """Returns the path that stands for each task.

    Args:
        tasks: The display name of each task; empty without one.
        fits: Whether a display name may be used at all.
        fold: Returns the same text for names that may not be used at once.
    """
    named = {
        path: (*_up_to_iteration(path), name) for path, name in tasks.items() if name and fits(name)
    }
    while True:
        found = {path: named.get(path, path) for path in tasks}
        texts = Counter(fold("/".join(name)) for name in found.values())
        groups = {
            (name[:index], fold(name[index]))
            for name in found.values()
            for index in range(len(name) - 1)
        }
        unclear = [
            path
            for path, name in named.items()
            if texts[fold("/".join(name))] > 1
            # Logs join the names in a path with dots.
            or (name[:-1], fold(name[-1]).partition(".")[0]) in groups
        ]
        if not unclear:
            return found
        for path in unclear:
            del named[path]


def _up_to_iteration(path: Path) -> Path:
    loops = [index for index, segment in enumerate(path) if segment == ITERATION]
    return path[: loops[-1] + 1] if loops else ()


def _is_readable(name: str) -> bool:
    return name.isprintable() and name == name.strip() and len(name) <= _MAX_LENGTH

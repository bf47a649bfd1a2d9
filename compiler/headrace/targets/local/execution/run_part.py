"""The part of a pipeline that a run runs, and the results that stand for the rest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headrace.ir import parts
from headrace.ir.task_names import ITERATION, TaskNames
from headrace.ir.view import Pipeline
from headrace.targets.local.records.json_files import read_json
from headrace.targets.local.records.listing import find_run
from headrace.targets.local.records.store import RunStore
from headrace.targets.local.shared.part_request import PartRequest
from headrace_components.contract.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPart:
    """A part of a pipeline.

    Attributes:
        names: The names of the pipeline's tasks.
        part: The tasks that run, and those that are reused.
        base: The run with the results of the latter; None if there are none.
    """

    names: TaskNames
    part: parts.Part
    base: RunStore | None

    def leaves_out(self, path: tuple[str, ...]) -> bool:
        """Returns whether a task that is not a DAG neither runs nor is needed."""
        pattern = self.names.pattern(path)
        return pattern not in self.part.runs and pattern not in self.part.reused

    def reuses(self, path: tuple[str, ...]) -> bool:
        """Returns whether a task takes the result of the earlier run."""
        return self.names.pattern(path) in self.part.reused


def resolved(request: PartRequest, pipeline: Pipeline, names: TaskNames, root: Path) -> PartRequest:
    """Returns the request with the run whose results are reused; empty if none are.

    Raises:
        InputError: A node does not exist, or no run has all results.
    """
    part = parts.part_of(pipeline, names, request.from_nodes, request.to_nodes)
    # Whether a task in a group has a result depends on the run.
    needed = sorted(path for path in part.reused if len(path) == 1 and ITERATION not in path)
    if request.base_run:
        store = find_run(root, request.base_run)
        if store.directory.parent.name != pipeline.name:
            raise InputError(
                f"headrace run: the run {request.base_run} is one of the pipeline "
                f"{store.directory.parent.name!r}, expected one of {pipeline.name!r}. Name a run "
                "of this pipeline."
            )
        missing = _missing(store, needed, names)
        if missing:
            raise _incomplete(store, missing)
        return _based_on(store, request)
    if not part.reused:
        return request
    newest: InputError | None = None
    for store in _newest_first(root, pipeline.name):
        missing = _missing(store, needed, names)
        if not missing:
            return _based_on(store, request)
        newest = newest or _incomplete(store, missing)
    raise newest or InputError(
        f"headrace run: a part of the pipeline needs the results of an earlier run, and there is "
        f"none of {pipeline.name!r} under {root}. Run the whole pipeline first."
    )


def _based_on(store: RunStore, request: PartRequest) -> PartRequest:
    return replace(request, base_run=store.directory.name)


def run_part(
    request: PartRequest | None, pipeline: Pipeline, names: TaskNames, root: Path
) -> RunPart | None:
    """Returns the part that a resolved request stands for; None for the whole pipeline."""
    if request is None:
        return None
    part = parts.part_of(pipeline, names, request.from_nodes, request.to_nodes)
    base = RunStore.find(root, request.base_run) if request.base_run else None
    return RunPart(names=names, part=part, base=base)


def result_of(store: RunStore, key: str, directory: tuple[str, ...]) -> dict[str, Any] | None:
    """Returns the result that a task has in an earlier run; None if it has none."""
    for path in (directory, tuple(key.split("/"))):
        try:
            found = store.result(path)
        except (ValueError, OSError):
            continue
        if found is not None:
            return found
    return None


def _missing(store: RunStore, needed: Iterable[tuple[str, ...]], names: TaskNames) -> list[str]:
    return [
        names.node(path)
        for path in needed
        if result_of(store, "/".join(path), names.directory(path)) is None
    ]


def _newest_first(root: Path, pipeline: str) -> Iterator[RunStore]:
    found = []
    for file in (root / pipeline).glob("*/run.json"):
        try:
            created = str(read_json(file).get("created", ""))
        except (ValueError, OSError):
            continue
        found.append((created, file.stat().st_mtime_ns, file.parent))
    for _, _, directory in sorted(found, reverse=True):
        yield RunStore(root=root, directory=directory)


def _incomplete(store: RunStore, missing: list[str]) -> InputError:
    return InputError(
        f"headrace run: the run {store.directory.name} has no results of {missing}, which the part "
        "needs. Run the whole pipeline first, or name those nodes too."
    )

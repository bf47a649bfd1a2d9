"""What changed between two runs: their pipeline, code, parameters, tasks and artifacts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.contract.service import RunArtifact, RunSource, ServiceRun, ServiceTask
from headrace.contract.shown_values import shown
from headrace.display.runs.changes import RunChange, changes_of, text_change
from headrace.display.runs.comparison import Compared, compared
from headrace.display.runs.spec_changes import code_changes, pipeline_changes

# Artifacts whose metadata are metrics and verdicts, which have sections of their own.
_SUMMED_UP = frozenset({"Metrics", "ModelBlessing", "InfraBlessing", "PushedModel"})
# Metadata that name a run, a moment or the machine, and not contents.
_NAMES = frozenset({"display_name", "store_session_info", "summary"})

_SCHEMA = "schema.pbtxt"
_MAX_SCHEMA_BYTES = 4_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDifference:
    """The changes from one run to another, by the part of the run that they are in."""

    runs: tuple[ServiceRun, ServiceRun]
    pipeline: tuple[RunChange, ...]
    code: tuple[RunChange, ...]
    environment: tuple[RunChange, ...]
    parameters: tuple[RunChange, ...]
    tasks: tuple[RunChange, ...]
    artifacts: tuple[RunChange, ...]
    verdicts: tuple[RunChange, ...]
    metrics: tuple[RunChange, ...]

    @property
    def sections(self) -> Mapping[str, tuple[RunChange, ...]]:
        """The changes by the names of the parts."""
        return {
            "pipeline": self.pipeline,
            "code": self.code,
            "environment": self.environment,
            "parameters": self.parameters,
            "tasks": self.tasks,
            "artifacts": self.artifacts,
            "verdicts": self.verdicts,
            "metrics": self.metrics,
        }


def difference(
    before: ServiceRun, after: ServiceRun, source: RunSource, new_source: RunSource
) -> RunDifference:
    """Returns what changed between two runs.

    Args:
        before: The first run, with its tasks.
        after: The second run.
        source: What the first one runs.
        new_source: What the second one runs.
    """
    beside = compared([before, after])
    return RunDifference(
        runs=(before, after),
        pipeline=tuple(pipeline_changes(source, new_source)),
        code=tuple(code_changes(source, new_source)),
        environment=tuple(changes_of(source.environment, new_source.environment)),
        parameters=tuple(
            changes_of(_sorted(shown(source.parameters)), _sorted(shown(new_source.parameters)))
        ),
        tasks=tuple(_tasks(before, after)),
        artifacts=tuple(_artifacts(before, after)),
        verdicts=_changed(beside.verdicts),
        metrics=_changed(beside.metrics),
    )


def _sorted(values: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(values.items()))


def _changed(rows: Iterable[Compared]) -> tuple[RunChange, ...]:
    return tuple(
        RunChange(
            kind="changed" if None not in row.values else _only(row.values[0]),
            what=row.task,
            aspect=row.name,
            before=row.values[0],
            after=row.values[1],
        )
        for row in rows
        if row.differs
    )


def _only(first: Any) -> Any:
    return "added" if first is None else "removed"


def _by_name(run: ServiceRun) -> dict[str, ServiceTask]:
    return {task.name: task for task in run.tasks}


def _tasks(before: ServiceRun, after: ServiceRun) -> Iterable[RunChange]:
    one, other = _by_name(before), _by_name(after)
    for name in dict.fromkeys((*one, *other)):
        if name not in one or name not in other:
            yield RunChange(kind="added" if name in other else "removed", what=name)
            continue
        old, new = one[name], other[name]
        # Whether the cache has answered does not count as a change.
        states = [{"cached": "done"}.get(task.state, task.state) for task in (old, new)]
        yield from changes_of({"state": states[0]}, {"state": states[1]}, what=name)
        if old.component and new.component:  # both have begun
            yield from changes_of(old.parameters, new.parameters, what=name)


def _artifacts(before: ServiceRun, after: ServiceRun) -> Iterable[RunChange]:
    one, other = _by_name(before), _by_name(after)
    for name in one:
        if name not in other:
            continue
        old, new = one[name].outputs, other[name].outputs
        for port in sorted(old.keys() & new.keys()):
            what = f"{name}.{port}"
            pair = _found(one[name], port, before), _found(other[name], port, after)
            if None not in pair:
                yield from changes_of({"uri": pair[0]}, {"uri": pair[1]}, what=what)
            yield from _port(what, old[port], new[port])


def _found(task: ServiceTask, port: str, run: ServiceRun) -> list[str] | None:
    """Returns the URIs of what a task found elsewhere, as importers and resolvers do.

    None for what it made, or took from the cache, and for a run of a service, whose directory is
    not known.
    """
    uris = [artifact.uri for artifact in task.outputs[port]]
    is_here = "://" not in run.link and task.state == "done"
    return uris if is_here and not any(uri.startswith(f"{run.link}/") for uri in uris) else None


def _port(
    what: str, before: Sequence[RunArtifact], after: Sequence[RunArtifact]
) -> Iterable[RunChange]:
    yield from changes_of({"number": len(before)}, {"number": len(after)}, what=what)
    for one, other in zip(before, after, strict=False):
        if one.type.rpartition(".")[2] in _SUMMED_UP:
            continue
        yield from changes_of({"type": one.type}, {"type": other.type}, what=what)
        yield from changes_of(_contents(one), _contents(other), what=what)
        schemas = _schema(one), _schema(other)
        if schemas[0] is not None and schemas[1] is not None and schemas[0] != schemas[1]:
            yield text_change(f"{what} {_SCHEMA}", *schemas)


def _contents(artifact: RunArtifact) -> dict[str, Any]:
    return {
        name: value
        for name, value in sorted(artifact.metadata.items())
        if name not in _NAMES and not name.startswith("_") and not _is_place(value)
    }


def _is_place(value: Any) -> bool:
    return isinstance(value, str) and (value.startswith("/") or "://" in value)


def _schema(artifact: RunArtifact) -> str | None:
    """Returns the schema of an artifact on this machine; None for another artifact."""
    file = Path(artifact.uri) / _SCHEMA
    if not artifact.type.endswith("Schema") or "://" in artifact.uri:
        return None
    try:
        return file.read_text("utf-8") if file.stat().st_size <= _MAX_SCHEMA_BYTES else None
    except (OSError, ValueError):
        return None

"""Answers `headrace lineage` from an ML Metadata store, also from one that TFX wrote."""

import difflib
import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.lineage.local_store.catalogue import (
    artifacts_of_type,
    model_histories,
    next_executions,
)
from headrace.lineage.local_store.connection import Connection
from headrace.lineage.local_store.deletion import DELETED
from headrace.lineage.local_store.messages import (
    event_kind,
    values,
)
from headrace.lineage.local_store.processes import is_gone
from headrace.lineage.local_store.recorded import executions_of, metadata_of, ref_of, state_of
from headrace.lineage.records import (
    ArtifactLineage,
    ArtifactRef,
    Execution,
    Id,
    PipelineRun,
    short_uri,
)
from headrace.lineage.stored_artifacts import Descendants, ModelHistory, StoredArtifact
from headrace.lineage.times import seconds_between, timestamp
from headrace.lineage.types import IMPORTER, component_of
from headrace_components.contract.errors import InputError

_ANCESTORS = 10


class StoreLineage:
    """Reads a store; never writes to it."""

    def __init__(self, url: str) -> None:
        """Opens the store at `url`. Raises InputError if it does not exist."""
        self._connection = Connection(url, read_only=True)

    def runs(self, limit: int | None = None) -> list[PipelineRun]:
        """Returns the latest runs, newest first; all of them without a `limit`."""
        with self._connection.transaction(exclusive=False) as store:
            contexts = _runs(store)
            contexts.sort(key=lambda context: (context.create_time_since_epoch, context.id))
            return [_run(store, context) for context in contexts[::-1][:limit]]

    def run(self, run_id: str) -> tuple[PipelineRun, list[Execution]]:
        """Returns a run and its executions in the order in which they started.

        Raises:
            InputError: The store does not have this run.
        """
        with self._connection.transaction(exclusive=False) as store:
            context = store.get_context_by_type_and_name("pipeline_run", run_id)
            if context is None or DELETED in context.custom_properties:
                names = [run.name for run in _runs(store)]
                raise InputError(_unknown("run", run_id, names, "headrace lineage runs"))
            executions = store.get_executions_by_context(context.id)
            return _run(store, context), executions_of(store, executions)

    def artifact(self, uri: str, root: Path, most: int | None = None) -> ArtifactLineage:
        """Returns the artifact at `uri`.

        Args:
            uri: A URI, a path, absolute or relative to `root` or to the working directory, also
                of a file inside the artifact, or an artifact's id.
            root: The root that displayed URIs are relative to.
            most: The maximum number of consumers and of others that handed it on, of which there
                may be one for each run; the latest are returned. Of the ancestors, the nearest
                are returned, ten times as many. None for all.

        Raises:
            InputError: The store does not have this artifact.
        """
        with self._connection.transaction(exclusive=False) as store:
            found = _find_artifact(store, uri, root)
            executions, events = _writers_and_readers(store, found, most)
            written = [e for e in executions if (e.id, "OUTPUT") in events]
            handed_on = [e for e in executions if (e.id, "INTERNAL_OUTPUT") in events]
            metadata = metadata_of(found)
            # A resumed run may have made it again: the current contents come from the last
            # execution. An importer only names an artifact that another execution made, or that
            # comes from outside.
            done = [e for e in written if e.state == "done"]
            made = [e for e in done if e.component != IMPORTER][-1:] or done[-1:]
            makers = made or [e for e in written if e.state != "cached"] or written or handed_on
            producer = makers[0] if makers else None
            return ArtifactLineage(
                id=found.id,
                type=found.type,
                uri=found.uri,
                created=timestamp(found.create_time_since_epoch),
                metadata=dict(sorted(metadata.items())),
                producer=producer,
                consumers=[e for e in executions if (e.id, "INPUT") in events],
                reused_by=[
                    e
                    for e in executions
                    if e is not producer
                    and not events.isdisjoint([(e.id, "OUTPUT"), (e.id, "INTERNAL_OUTPUT")])
                ],
                ancestors=_ancestors(store, producer, most and most * _ANCESTORS),
            )

    def artifacts(self, kind: str, limit: int) -> list[StoredArtifact]:
        """Returns the latest artifacts of a type, newest first, at most `limit`."""
        with self._connection.transaction(exclusive=False) as store:
            return artifacts_of_type(store, kind, limit)

    def models(self, limit: int) -> list[ModelHistory]:
        """Returns the latest `limit` models with what came of them, newest first.

        After them, there are the older ones of which a push is the newest at its place.
        """
        with self._connection.transaction(exclusive=False) as store:
            return model_histories(store, limit)

    def descendants(self, artifact_id: Id, limit: int) -> Descendants:
        """Returns what was made of an artifact, at most `limit` executions."""
        with self._connection.transaction(exclusive=False) as store:
            found: dict[Id, Execution] = {}
            artifacts: set[Id] = {artifact_id}
            seen: set[Id] = set()
            while artifacts and len(found) < limit:
                seen |= artifacts
                ids = [one for one in next_executions(store, artifacts) if one not in found]
                readers = executions_of(
                    store, store.get_executions_by_id(ids[: limit - len(found)])
                )
                found |= {each.id: each for each in readers}
                if len(found) == limit:
                    break
                artifacts = {
                    ref.id for each in readers for refs in each.outputs.values() for ref in refs
                } - seen
            return Descendants(executions=[*found.values()], is_complete=len(found) < limit)


def _runs(store: Any) -> list[Any]:
    """Returns the contexts of the runs that were not deleted."""
    found = store.get_contexts_by_type("pipeline_run")
    return [each for each in found if DELETED not in each.custom_properties]


def _run(store: Any, context: Any) -> PipelineRun:
    properties = values(context.custom_properties)
    executions = store.get_executions_by_context(context.id)
    counts: dict[str, int] = {}
    for execution in executions:
        state = state_of(execution)
        counts[state] = counts.get(state, 0) + 1
    state = properties.get("state") or _state_of(counts)
    if state == "running" and is_gone(str(properties.get("process", ""))):
        state = "interrupted"
    started = timestamp(context.create_time_since_epoch)
    ended = properties.get("finished")
    if ended is None and executions and state not in ("running", "interrupted"):
        ended = timestamp(max(e.last_update_time_since_epoch for e in executions))
    parents = store.get_parent_contexts_by_context(context.id)
    return PipelineRun(
        run_id=context.name,
        pipeline=parents[0].name if parents else "",
        state=str(state),
        started=started,
        seconds=None if ended is None else seconds_between(started, str(ended)),
        tasks=counts,
        parameters=json.loads(str(properties.get("parameters", "{}"))),
    )


def _state_of(counts: Mapping[str, int]) -> str:
    """Returns the state of a run of TFX, which records only the states of its executions."""
    return next(
        (state for state in ("failed", "running", "canceled") if counts.get(state)), "complete"
    )


def _writers_and_readers(
    store: Any, artifact: Any, most: int | None
) -> tuple[list[Execution], set[tuple[int, str]]]:
    found = store.get_events_by_artifact_ids([*_records(store, [ref_of(artifact)])])
    events = {(event.execution_id, event_kind(event)) for event in found}
    writers = sorted({one for one, kind in events if kind.endswith("OUTPUT")})
    readers = sorted({one for one, kind in events if kind.endswith("INPUT")})
    if most is not None:
        # The first ones made it, and the last one that is not from the cache.
        messages = store.get_executions_by_id(writers) if len(writers) > most else []
        made = [each.id for each in messages if state_of(each) == "done"]
        writers = [*writers[:1], *made[-1:], *writers[-most:]]
        readers = readers[-most:]
    ids = sorted({*writers, *readers})
    executions = executions_of(store, store.get_executions_by_id(ids)) if ids else []
    return executions, events


def _ancestors(store: Any, producer: Execution | None, most: int | None) -> list[Execution]:
    found: dict[Id, Execution] = {}
    to_visit = deque([] if producer is None else [producer])
    while to_visit and (most is None or len(found) < most):
        execution = to_visit.popleft()
        if execution.id in found:
            continue
        found[execution.id] = execution
        uris = _records(store, [ref for refs in execution.inputs.values() for ref in refs])
        # An artifact that the execution itself handed on has another as its producer.
        events = store.get_events_by_artifact_ids([*uris]) if uris else []
        to_visit += _makers(store, events, uris)
    return [found[key] for key in sorted(found)]


def _records(store: Any, refs: Iterable[ArtifactRef]) -> dict[Id, str]:
    """Returns the URIs of all records of artifacts, by id.

    If an importer takes the output of a run as another type, there is a second record with the URI.
    """
    uris = sorted({ref.uri for ref in refs})
    return {each.id: uri for uri in uris for each in store.get_artifacts_by_uri(uri)}


def _makers(store: Any, events: Sequence[Any], uris: Mapping[Id, str]) -> list[Execution]:
    """Returns, for each artifact of `events`, the execution that made its current contents."""
    writers: dict[str, list[int]] = {}
    for kind in ("OUTPUT", "INTERNAL_OUTPUT"):  # who handed it on counts where nobody made it
        found: dict[str, list[int]] = {}
        for event in events:
            if event_kind(event) == kind:
                found.setdefault(uris[event.artifact_id], []).append(event.execution_id)
        for uri in found.keys() - writers.keys():
            writers[uri] = sorted(found[uri])
    several = sorted({one for ids in writers.values() if len(ids) > 1 for one in ids})
    messages = store.get_executions_by_id(several) if several else []
    done = {
        message.id
        for message in messages
        if state_of(message) == "done" and component_of(message.type) != IMPORTER
    }
    # Executions from the cache wrote nothing. In a resumed run, the execution that made an artifact
    # again comes after the first one.
    ids = sorted({([one for one in ids if one in done] or ids[:1])[-1] for ids in writers.values()})
    return executions_of(store, store.get_executions_by_id(ids)) if ids else []


def _find_artifact(store: Any, uri: str, root: Path) -> Any:
    if uri.isdigit():
        found = store.get_artifacts_by_id([int(uri)])
        if found:
            return found[0]
    spellings = _spellings(uri, root)
    exact = store.get_artifacts_by_uri(spellings[0])
    if exact:  # a store of many runs need not be read as a whole
        return min(exact, key=lambda artifact: artifact.id)
    artifacts = store.get_artifacts()
    # The longest URI wins: an artifact's own URI before that of one that contains it.
    for candidate in spellings:
        matches = [a for a in artifacts if a.uri and _lies_in(candidate, a.uri)]
        if matches:
            # If a URI has several records, the first belongs to its producer.
            return max(matches, key=lambda artifact: (len(artifact.uri), -artifact.id))
    known = sorted({short_uri(artifact.uri, root) for artifact in artifacts})
    name = short_uri(uri, root)
    raise InputError(_unknown("artifact", name, known, "headrace lineage run RUN_ID"))


def _spellings(uri: str, root: Path) -> list[str]:
    if "://" in uri:
        return [uri.rstrip("/")]
    return list(dict.fromkeys(str(path) for path in (root.absolute() / uri, Path(uri).absolute())))


def _lies_in(path: str, uri: str) -> bool:
    uri = uri.rstrip("/")
    return path == uri or path.startswith(f"{uri}/")


def _unknown(what: str, name: str, known: Sequence[str], command: str) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"The nearest is {near[0]!r}. " if near else ""
    article = "an" if what == "artifact" else "a"
    return (
        f"lineage: there is no {what} {name!r}; the store has {len(known)}. {hint}"
        f"List them with `{command}`, or name {article} {what} of another --root."
    )

"""Follows artifacts through executions, for all interfaces of a cluster.

A URI may have several records: an importer makes its own record for the output of another run. Here
they are one artifact, whose producer is the first writer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from headrace.lineage.records import ArtifactLineage, ArtifactRef, Execution, Id


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """An execution read or wrote an artifact."""

    artifact: Id
    execution: Id
    is_output: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundArtifact:
    """An artifact, without its connections."""

    ref: ArtifactRef
    created: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


class LineageSource(Protocol):
    """The lineage of a cluster. Executions are those of tasks, not of DAGs."""

    def executions_of(self, run_id: str) -> Sequence[Execution]:
        """Returns the executions of a run in the order of their start; empty if it is unknown."""

    def executions(self, keys: Iterable[Id]) -> Sequence[Execution]:
        """Returns executions by their ids, oldest first; ids of DAGs are left out."""

    def links(self, artifacts: Iterable[Id]) -> Sequence[Link]:
        """Returns who read and wrote artifacts, in the order in which that was recorded."""

    def find(self, name: str) -> FoundArtifact | None:
        """Returns the artifact of a URI or an id; of several records of a URI the first."""

    def ids_of(self, uris: Iterable[str]) -> Mapping[str, Sequence[Id]]:
        """Returns the ids of all records of artifacts, the oldest first, by URI."""


def artifact_of(source: LineageSource, found: FoundArtifact) -> ArtifactLineage:
    """Returns an artifact with its producer and consumers."""
    links = source.links(_records(source, [found.ref]))
    executions = source.executions({link.execution for link in links})
    writers = {link.execution for link in links if link.is_output}
    readers = {link.execution for link in links if not link.is_output}
    written = [each for each in executions if each.id in writers]
    producer = next((each for each in written if each.state != "cached"), None)
    producer = producer or next(iter(written), None)
    return ArtifactLineage(
        id=found.ref.id,
        type=found.ref.type,
        uri=found.ref.uri,
        created=found.created,
        metadata=found.metadata,
        producer=producer,
        consumers=[each for each in executions if each.id in readers],
        reused_by=[each for each in written if each is not producer],
        ancestors=_ancestors(source, producer),
    )


def _ancestors(source: LineageSource, producer: Execution | None) -> list[Execution]:
    """Returns every execution that `producer` goes back to, oldest first, itself the last."""
    found: dict[Id, Execution] = {}
    to_visit = [] if producer is None else [producer]
    while to_visit:
        found.update({each.id: each for each in to_visit})
        inputs = [ref for each in to_visit for refs in each.inputs.values() for ref in refs]
        uris = _records(source, inputs)
        makers: dict[str, Id] = {}
        for link in source.links(uris) if uris else ():
            if link.is_output:
                makers.setdefault(uris[link.artifact], link.execution)
        to_visit = list(source.executions(set(makers.values()) - found.keys()))
    return sorted(found.values(), key=lambda each: each.started)


def _records(source: LineageSource, refs: Sequence[ArtifactRef]) -> dict[Id, str]:
    """Returns all records of artifacts with their URIs, which connect records of one artifact."""
    found: dict[Id, str] = {ref.id: ref.uri or str(ref.id) for ref in refs}
    for uri, ids in source.ids_of(sorted({ref.uri for ref in refs if ref.uri})).items():
        found.update(dict.fromkeys(ids, uri))
    return found

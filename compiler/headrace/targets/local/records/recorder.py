"""Records the tasks of one run in the lineage database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from headrace.lineage.local_store.writer import ArtifactRecord, LineageStore
from headrace.targets.local.records.described import Described
from headrace.targets.local.shared.results import ArtifactsByPort, RuntimeArtifact

# What a search sets in the metadata of its output: 0 if there is nothing.
_FOUND = "found"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorder:
    """Records a task in the lineage database.

    Attributes:
        run_id: The run, which the database knows.
        lineage: The database.
    """

    run_id: str
    lineage: LineageStore

    def begin(self, task: str, described: Described) -> int:
        """Records that a task starts; returns the number of its execution."""
        return self.lineage.begin_execution(
            self.run_id,
            task,
            described.component,
            described.parameters,
            # A search that found nothing left something empty, which has no record.
            _records(described.inputs, lambda each: each.id is None and _is_empty(each)),
        )

    def finish(
        self,
        execution: int,
        state: Literal["complete", "cached"],
        outputs: ArtifactsByPort,
        described: Described,
    ) -> dict[str, tuple[RuntimeArtifact, ...]]:
        """Records the outputs of a task; returns them with the database's identifiers.

        As in TFX, a search that found nothing has no output.
        """
        left_out = _is_empty if described.is_resolver else _never
        records = _records(outputs, left_out)
        if described.is_resolver:
            records = {
                port: [replace(each, metadata=_without_found(each.metadata)) for each in found]
                for port, found in records.items()
            }
        ids = self.lineage.finish_execution(
            execution,
            state,
            {described.ports.get(port, port): found for port, found in records.items()},
            is_new=described.is_new,
        )
        result = {}
        for port, made in outputs.items():
            found = iter(ids[described.ports.get(port, port)])
            result[port] = tuple(
                each if left_out(each) else replace(each, id=next(found)) for each in made
            )
        return result

    def give_up(
        self, execution: int, state: Literal["failed", "canceled"], reason: str | None = None
    ) -> None:
        """Records that a task made nothing."""
        self.lineage.finish_execution(execution, state, {}, reason)


class Unrecorded:
    """Stands for a recorder where nothing enters lineage."""

    def begin(self, task: str, described: Described) -> int:  # noqa: ARG002
        """Records nothing."""
        return 0

    def finish(
        self,
        execution: int,  # noqa: ARG002
        state: Literal["complete", "cached"],  # noqa: ARG002
        outputs: ArtifactsByPort,
        described: Described,  # noqa: ARG002
    ) -> dict[str, tuple[RuntimeArtifact, ...]]:
        """Returns the outputs as they are."""
        return dict(outputs)

    def give_up(
        self, execution: int, state: Literal["failed", "canceled"], reason: str | None = None
    ) -> None:
        """Records nothing."""


def _records(
    artifacts: ArtifactsByPort, left_out: Callable[[RuntimeArtifact], bool]
) -> dict[str, list[ArtifactRecord]]:
    return {
        port: [
            ArtifactRecord(uri=a.uri, type=a.type, metadata=a.metadata, id=a.id)
            for a in found
            if not left_out(a)
        ]
        for port, found in artifacts.items()
    }


def _is_empty(artifact: RuntimeArtifact) -> bool:
    return bool(artifact.metadata.get(_FOUND, 1) == 0)


def _never(_: RuntimeArtifact) -> bool:
    return False


def _without_found(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if name != _FOUND}

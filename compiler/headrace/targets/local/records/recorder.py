"""Records the tasks of one run in the lineage database."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from headrace.lineage.local_store.writer import ArtifactRecord, LineageStore
from headrace.targets.local.shared.results import ArtifactsByPort, RuntimeArtifact


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorder:
    """Records a task in the lineage database.

    Attributes:
        run_id: The run, which the database knows.
        lineage: The database.
    """

    run_id: str
    lineage: LineageStore

    def begin(
        self, task: str, component: str, parameters: Mapping[str, Any], inputs: ArtifactsByPort
    ) -> int:
        """Records that a task starts; returns the number of its execution."""
        return self.lineage.begin_execution(
            self.run_id, task, component, parameters, _records(inputs)
        )

    def finish(
        self, execution: int, state: Literal["complete", "cached"], outputs: ArtifactsByPort
    ) -> dict[str, tuple[RuntimeArtifact, ...]]:
        """Records the outputs of a task; returns them with the database's identifiers."""
        ids = self.lineage.finish_execution(execution, state, _records(outputs))
        return {
            port: tuple(
                replace(artifact, id=found) for artifact, found in zip(made, ids[port], strict=True)
            )
            for port, made in outputs.items()
        }

    def give_up(
        self, execution: int, state: Literal["failed", "canceled"], reason: str | None = None
    ) -> None:
        """Records that a task made nothing."""
        self.lineage.finish_execution(execution, state, {}, reason)


def _records(artifacts: ArtifactsByPort) -> dict[str, list[ArtifactRecord]]:
    return {
        port: [ArtifactRecord(uri=a.uri, type=a.type, metadata=a.metadata, id=a.id) for a in found]
        for port, found in artifacts.items()
    }

"""Takes a run out of a store, as far as ML Metadata can: it marks what is deleted.

Executions and artifacts stay as the history of what was made from them, without parameters, which
may be secrets; artifacts have ML Metadata's state DELETED. Readers leave out the run by the mark on
its context.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace.lineage.local_store.connection import Connection, parse_url
from headrace.lineage.local_store.messages import NODE, set_value
from headrace.lineage.times import timestamp

DELETED = "deleted"
"""Custom property of a run's context: when the run was deleted."""

_PARAMETERS = "parameters"


class RunDeletion:
    """The lineage of one run that is to be deleted."""

    def __init__(self, url: str, run_id: str, directory: Path) -> None:
        """Opens the store, if there is one.

        Args:
            url: The store.
            run_id: The run.
            directory: That of the run. What it made is below.

        Raises:
            InputError: The URL has another form.
            PlatformError: The store cannot be opened.
        """
        target = parse_url(url)
        is_there = not isinstance(target, Path) or target.is_file()
        self._connection = Connection(url) if is_there else None
        self._run_id = run_id
        # The root may have been moved, or have several names. An ID of a run has no second one.
        self._below = below(directory)

    def users(self) -> list[str]:
        """Returns the other runs that read or reuse an artifact of this run, sorted."""
        if self._connection is None:
            return []
        with self._connection.transaction(exclusive=False) as store:
            run = store.get_context_by_type_and_name("pipeline_run", self._run_id)
            made = self._made(store, run) if run else []
            events = store.get_events_by_artifact_ids([each.id for each in made]) if made else []
            users = {event.execution_id for event in events}
            own = {each.id for each in store.get_executions_by_context(run.id)} if run else set()
            contexts = [
                context
                for execution in sorted(users - own)
                for context in store.get_contexts_by_execution(execution)
            ]
            return sorted(
                {
                    each.name
                    for each in contexts
                    if each.type == "pipeline_run" and DELETED not in each.custom_properties
                }
            )

    def mark(self) -> None:
        """Marks the run and what it made as deleted; doing it again does no harm."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        if self._connection is None:
            return
        with self._connection.transaction() as store:
            run = store.get_context_by_type_and_name("pipeline_run", self._run_id)
            if run is None:
                return
            made = self._made(store, run)
            for artifact in made:
                artifact.state = pb.Artifact.DELETED
            executions = store.get_executions_by_context(run.id)
            for execution in executions:
                for name in [each for each in execution.custom_properties if each != NODE]:
                    del execution.custom_properties[name]
            if made:
                store.put_artifacts(made)
            if executions:
                store.put_executions(executions)
            run.custom_properties.pop(_PARAMETERS, None)
            set_value(run.custom_properties, DELETED, timestamp(time.time_ns() // 1_000_000))
            store.put_contexts([run])

    def _made(self, store: Any, run: Any) -> Sequence[Any]:
        executions = [each.id for each in store.get_executions_by_context(run.id)]
        events = store.get_events_by_execution_ids(executions) if executions else []
        ids = sorted({event.artifact_id for event in events})
        found = store.get_artifacts_by_id(ids) if ids else []
        return [each for each in found if self._below in each.uri]


def below(directory: Path) -> str:
    """Returns the part of a URI that only what a run made has, wherever its root is."""
    return f"/{directory.parent.name}/{directory.name}/"

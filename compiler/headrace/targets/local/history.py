"""The runs under a root on this machine: a `headrace.contract.service.Runs`."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from headrace.contract.run_filter import EVERY_RUN, RunFilter
from headrace.contract.service import RunSource, ServiceRun
from headrace.targets.local.records import listing
from headrace.targets.local.records.record import RunRecord
from headrace.targets.local.records.store import RunStore
from headrace_components.contract.errors import InputError, PlatformError

_DIGEST_LENGTH = 12


class LocalRuns:
    """The runs of all pipelines under a root."""

    def __init__(self, root: Path) -> None:
        """Takes the root.

        Raises:
            InputError: There is no such directory.
        """
        if not root.is_dir():
            raise InputError(
                f"headrace runs: {root} is not a directory, expected the root of earlier runs. "
                "Name it with --root, or run a pipeline first."
            )
        self._root = root.absolute()

    def describe(self, run_id: str) -> ServiceRun:
        """Returns a run with its tasks."""
        return listing.run_of(self._store(run_id), with_tasks=True)

    def source(self, run_id: str) -> RunSource:
        """Returns what a run runs."""
        record = RunRecord.read(self._store(run_id))
        environment = {
            "runner": record.runner,
            "Headrace and its libraries": record.code_version[:_DIGEST_LENGTH],
            "rules": record.like,
            "directory": record.directory,
        }
        return RunSource(spec=record.spec, parameters=record.parameters, environment=environment)

    def log(self, run_id: str, task: str) -> str | None:
        """Returns the output of a task so far, or None if there is nothing to read."""
        found = next((each for each in self.describe(run_id).tasks if each.name == task), None)
        if found is None or not found.log:
            return None
        try:
            return Path(found.log).read_text("utf-8", "replace")
        except OSError:
            return None

    def runs(self, limit: int | None, which: RunFilter = EVERY_RUN) -> Sequence[ServiceRun]:
        """Returns the latest runs, without their tasks, the newest first."""
        return list(islice(listing.described(self._root, which), limit))

    def ids(self, prefix: str) -> Sequence[str]:
        """Returns the IDs that begin with a prefix, the newest first; a whole ID alone."""
        return listing.ids(self._root, prefix)

    def cancel(self, run_id: str) -> None:
        """Asks for a run to end. Its process does so as if Ctrl-C were pressed in its terminal."""
        store = self._store(run_id)
        if listing.run_of(store).is_over:
            return
        try:
            store.cancel_request.touch()
        except OSError as error:
            raise PlatformError(
                f"headrace runs cancel: {store.cancel_request} cannot be written: "
                f"{error.strerror}. Ask for the run to end as somebody who may write there."
            ) from error

    def delete(self, run_id: str, *, force: bool = False) -> None:
        """Deletes a run that is over, with its artifacts."""
        store = self._store(run_id)
        run = listing.run_of(store)
        if not run.is_over:
            raise InputError(
                f"headrace runs delete: run {run_id!r} is under way, and only one that is over can "
                f"be deleted. End it first: headrace runs cancel {run_id}"
            )
        # Imported here: lists of runs do not need the cache.
        from headrace.targets.local.deleting import delete

        with store.locked():
            delete(store, force=force)

    def _store(self, run_id: str) -> RunStore:
        return RunStore.find(self._root, run_id)

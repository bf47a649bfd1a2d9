"""Old runs, and those of them that others still need."""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headrace.contract.service import ServiceRun
from headrace.targets.local.garbage.items import Item, KeptRun, size_of
from headrace.targets.local.records import journal, listing
from headrace.targets.local.records.attempt import PRIVATE
from headrace.targets.local.records.journal import read_history
from headrace.targets.local.records.store import RunStore
from headrace_components.contract.artifact_types import MODEL_BLESSING, PUSHED_MODEL

_RESULT = "result.json"
_RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")

# What marks a model as good, by the type of the artifact that says so.
_MARKS = {MODEL_BLESSING.name: "blessed", PUSHED_MODEL.name: "pushed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Age:
    """Which runs are old.

    Attributes:
        keep: The newest of each pipeline are not; None for no such number.
        older_than: Younger ones are not; None for no such age.
    """

    keep: int | None = None
    older_than: timedelta | None = None

    @property
    def is_given(self) -> bool:
        """Whether any run may be old."""
        return self.keep is not None or self.older_than is not None


def old_runs(root: Path, age: Age, now: datetime) -> tuple[list[Item], list[KeptRun]]:
    """Returns the old runs that nobody needs, the newest first, and those that stay.

    A run stays if it goes on, is the newest of its pipeline or the newest that succeeded, has the
    newest blessed or pushed model, or if a run that stays has artifacts of it.
    """
    found = [_DatedRun(store=each, run=listing.run_of(each)) for each in listing.stores(root)]
    old = _old(found, age, now)
    reasons = {each.name: "it goes on" if each.goes_on else "" for each in old}
    for first in (_newest(found), _newest(each for each in found if each.run.state == "succeeded")):
        for name in first:
            reasons[name] = reasons.get(name) or "it is the newest of its pipeline, or to succeed"
    for name in _with_newest_models(found):
        reasons[name] = reasons.get(name) or "it has the newest blessed or pushed model"
    stores = {each.name: each.store for each in found}
    stays = [store for name, store in stores.items() if reasons.get(name, "it is not old")]
    for run, user in _used(stays, stores):
        if not reasons.get(run, "x"):
            reasons[run] = f"the run {user} has artifacts of it"
    items, kept = [], []
    for each in old:
        if reasons[each.name]:
            kept.append(KeptRun(run=each.name, reason=reasons[each.name]))
            continue
        items.append(
            Item(
                kind="run",
                name=f"{each.pipeline}/{each.name}",
                place=str(each.store.directory),
                num_bytes=size_of(each.store.directory),
                reason=f"it {_ended(each.run)} on {_created(each):%Y-%m-%d}",
            )
        )
    return items, kept


@dataclass(frozen=True, kw_only=True, slots=True)
class _DatedRun:
    """A run.

    Attributes:
        store: Its files.
        run: Its state.
    """

    store: RunStore
    run: ServiceRun

    @property
    def name(self) -> str:
        """Its ID."""
        return self.store.directory.name

    @property
    def pipeline(self) -> str:
        """The name of its pipeline."""
        return self.store.directory.parent.name

    @property
    def goes_on(self) -> bool:
        """Whether a process works on it."""
        return not self.run.is_over or self.store.is_locked


def _old(found: Sequence[_DatedRun], age: Age, now: datetime) -> list[_DatedRun]:
    if not age.is_given:
        return []
    ranks: dict[str, int] = {}
    old = []
    for each in found:
        ranks[each.pipeline] = ranks.get(each.pipeline, 0) + 1
        is_kept = age.keep is not None and ranks[each.pipeline] <= age.keep
        is_young = age.older_than is not None and now - _created(each) < age.older_than
        if not is_kept and not is_young:
            old.append(each)
    return old


def _newest(found: Iterable[_DatedRun]) -> set[str]:
    """Returns the first run of each pipeline."""
    first: dict[str, str] = {}
    for each in found:
        first.setdefault(each.pipeline, each.name)
    return set(first.values())


def _created(each: _DatedRun) -> datetime:
    created = each.run.created
    if created is None:
        return datetime.fromtimestamp(each.store.directory.stat().st_mtime, UTC)
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _with_newest_models(found: Iterable[_DatedRun]) -> Iterator[str]:
    """Yields the runs in which a task last blessed or pushed a model."""
    seen = set[tuple[str, str, str]]()
    for each in found:
        for task in read_history(each.store.directory, left=None).tasks:
            for artifact in (artifact for made in task.outputs.values() for artifact in made):
                kind = artifact.type.rpartition(".")[2]
                if not _is_set(artifact.metadata, _MARKS.get(kind, "")):
                    continue
                if (mark := (each.pipeline, task.name, kind)) not in seen:
                    seen.add(mark)
                    yield each.name
                # A model that was pushed into the directory of a run is there to be served.
                pushed = str(artifact.metadata.get("pushed_destination", ""))
                if pushed.startswith(f"{each.store.root}/"):
                    yield Path(pushed).relative_to(each.store.root).parts[:2][-1]


def _is_set(metadata: Mapping[str, object], name: str) -> bool:
    return metadata.get(name) in (1, "1", True, "true")


def _used(stays: Sequence[RunStore], stores: Mapping[str, RunStore]) -> Iterator[tuple[str, str]]:
    """Yields each run of which another one has artifacts, with that one, also through others."""
    pending = list(stays)
    seen = {store.directory.name for store in stays}
    while pending:
        store = pending.pop()
        for run in sorted(_mentioned(store) & stores.keys() - seen):
            seen.add(run)
            pending.append(stores[run])
            yield run, store.directory.name


def _mentioned(store: RunStore) -> set[str]:
    """Returns the runs that a run's records mention, in URIs of inputs and of cached results.

    The root may have another name there, through a link.
    """
    files = [store.directory / journal.NAME]
    for folder, _, names in os.walk(store.directory):
        if _RESULT in names and folder.endswith(f"/{PRIVATE}"):
            files.append(Path(folder, _RESULT))
    found = set[str]()
    for file in files:
        with contextlib.suppress(OSError):
            found.update(_RUN_ID.findall(file.read_text("utf-8", "replace")))
    return found


def _ended(run: ServiceRun) -> str:
    return {"interrupted": "was interrupted", "cancelled": "was cancelled"}.get(
        run.state, run.state
    )

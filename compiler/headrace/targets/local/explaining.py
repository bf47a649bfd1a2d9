"""Why a task of a run ran, was answered by the cache, was skipped or failed: `headrace why`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile, islice
from pathlib import Path
from typing import Any

from headrace.contract.explanations import Change, Explanation
from headrace.contract.service import ServiceTask
from headrace.targets.local.records import listing
from headrace.targets.local.records.decisions import Decision, read_decision
from headrace.targets.local.records.store import RunStore
from headrace.targets.local.records.task_choice import chosen_task

# How many earlier runs are looked at, and how many steps back through inputs that changed.
_MAX_RUNS = 50
_MAX_STEPS = 20

_MISSES = {
    "off": "the run was started with --no-cache",
    "refused": "the pipeline says that it runs always (set_caching_options)",
    "unknown": "its result depends on {detail}, which only a run can find",
    "damaged": "the result of an earlier run could not be read: {detail}",
    "changed": "{detail}, which an earlier run made, is no longer as its task left it",
    "elsewhere": "what an earlier run wrote outside of its outputs is no longer there as it was",
}
_OTHER = {
    "like": "the backend whose rules the run keeps",
    "pipeline": "the pipeline",
    "author": "the cache key that the pipeline gives",
    "code": "Headrace's code, or the versions of its libraries",
    "state": "the data that it reads elsewhere",
    "environment": "the code or programs that it loads from where it runs",
}
_CONTAINER = {
    "image": "the image",
    "command": "the command",
    "args": "the arguments",
    "env": "the variables",
}


def explain_all(store: RunStore) -> list[Explanation]:
    """Returns why each task of a run ended as it did, without the reasons of its inputs."""
    explaining = _Explaining.of_run(store, steps=0)
    return [explaining.of(task) for task in _tasks(store)]


def explain(store: RunStore, name: str) -> Explanation:
    """Returns why a task ended as it did.

    Raises:
        InputError: The run has no such task.
    """
    tasks = {task.name: task for task in _tasks(store)}
    chosen = chosen_task(name, list(tasks), store.directory.name, "headrace why")
    return _Explaining.of_run(store, steps=_MAX_STEPS).of(tasks[chosen])


def _tasks(store: RunStore) -> Sequence[ServiceTask]:
    return listing.run_of(store, with_tasks=True).tasks


@dataclass(frozen=True, kw_only=True, slots=True)
class _Explaining:
    """Explains tasks of one run.

    Attributes:
        store: The files of the run.
        earlier: The latest earlier runs of the pipeline, the newest first.
        tasks: The tasks of the run.
        steps: How many steps back it goes through inputs.
    """

    store: RunStore
    earlier: Sequence[RunStore]
    tasks: Sequence[ServiceTask]
    steps: int

    @classmethod
    def of_run(cls, store: RunStore, *, steps: int) -> "_Explaining":
        """Returns what explains the tasks of a run."""
        # Names of runs of the same second are not in the order of their start.
        stores = listing.stores(store.root)
        since = dropwhile(lambda each: each.directory != store.directory, stores)
        pipeline = store.directory.parent
        found = (each for each in islice(since, 1, None) if each.directory.parent == pipeline)
        return cls(
            store=store, earlier=list(islice(found, _MAX_RUNS)), tasks=_tasks(store), steps=steps
        )

    @property
    def _run(self) -> str:
        return self.store.directory.name

    def of(self, task: ServiceTask) -> Explanation:
        """Returns why a task ended as it did."""
        found = Explanation(run=self._run, task=task.name, state=task.state, text="")
        if task.state == "skipped":
            return replace(found, text=f"was skipped: {task.reason}")
        if task.state == "waiting":
            return replace(found, text="did not start")
        decision = read_decision(self.store, task.name)
        if decision is None:
            reason = task.reason or "an earlier version of Headrace kept no reasons"
            return replace(found, text=f"{_ran(task)}: {reason}")
        if decision.how == "cached":
            return self._cached(found, task, decision)
        if decision.how == "reused":
            text = f"has the result of the run {decision.by[0]}: this run runs a part alone"
            return replace(found, text=text, by=decision.by[0])
        if decision.how == "imported":
            return replace(found, text="ran: importers always run; the cache compares their data")
        return self._ran(found, task, decision)

    def _cached(self, found: Explanation, task: ServiceTask, decision: Decision) -> Explanation:
        run = decision.by[0] or _maker(self.store.root, task)
        name = decision.by[1] or task.name
        whose = "" if name == task.name else f" its task {name},"
        if run == self._run and name == task.name:
            text = "has the result of an earlier attempt at this run"
        else:
            text = (
                f"was answered by the run {run or 'that made its outputs'},{whose} with the same "
                "code, parameters and inputs"
            )
        if task.state not in ("cached", "done"):
            text += f"; it then ended as {task.state}"
        return replace(found, text=text, by=run)

    def _ran(self, found: Explanation, task: ServiceTask, decision: Decision) -> Explanation:
        verb = _ran(task)
        reason = _MISSES.get(decision.miss, "").format(detail=decision.detail)
        if decision.before and decision.before != decision.parts:
            changes = self._changes(decision.before, decision.parts, self.store)
            text = f"{verb}: it had changed since an earlier attempt at this run"
            return replace(found, text=text, by=self._run, changes=changes)
        nearest = self._nearest(task.name, decision)
        if nearest is None:
            reason = reason or "the cache has nothing of it, and no earlier run is left"
            return replace(found, text=f"{verb}: {reason}")
        store, earlier = nearest
        changes = self._changes(earlier.parts, decision.parts, store)
        if changes:
            reason = reason or "the cache has no result with the same key"
        else:
            reason = reason or _why_no_entry(store, task.name)
        return replace(found, text=f"{verb}: {reason}", by=store.directory.name, changes=changes)

    def _nearest(self, task: str, decision: Decision) -> tuple[RunStore, Decision] | None:
        """Returns the earlier execution of a task with the fewest differences, the latest first."""
        best: tuple[int, RunStore, Decision] | None = None
        for store in self.earlier:
            found = read_decision(store, task)
            if found is None or not found.parts:
                continue
            number = sum(1 for _ in _differences(found.parts, decision.parts))
            if best is None or number < best[0]:
                best = (number, store, found)
            if number == 0:
                break
        return None if best is None else best[1:]

    def _changes(
        self, before: Mapping[str, Any], after: Mapping[str, Any], earlier: RunStore
    ) -> tuple[Change, ...]:
        found = []
        for kind, name, old, new in _differences(before, after):
            if kind == "input":
                found.append(self._changed_input(name, old, new, earlier))
            else:
                found.append(Change(kind=kind, name=_name(kind, name), text=_text(kind, old, new)))
        whole = [each for each in found if each.kind == "code" and each.name.endswith(": ")]
        if whole and len(whole) < sum(each.kind == "code" for each in found):
            found = [each for each in found if each not in whole]
        return tuple(
            replace(each, name=each.name.removesuffix(": "), text="the order of its statements")
            if each in whole
            else each
            for each in found
        )

    def _changed_input(self, port: str, old: Any, new: Any, earlier: RunStore) -> Change:
        if not new or not old:
            text = "was not connected before" if new else "is no longer connected"
            return Change(kind="input", name=port, text=text)
        uri = next((found[0] for found in new if found not in old), new[0][0])
        before = next((found[0] for found in old if found not in new), old[0][0])
        if before == uri:
            return Change(kind="input", name=port, text=f"the contents of {uri} have changed")
        maker = self._maker_here(uri)
        decision = read_decision(self.store, maker.name) if maker else None
        if maker is None or (decision is not None and decision.how == "imported"):
            return Change(kind="input", name=port, text=f"{before} -> {uri}")
        because = None
        if self.steps > 0:
            because = replace(self, steps=self.steps - 1).of(maker)
        text = f"{maker.name} has another result than in {earlier.directory.name}"
        if maker.state == "done":
            text = f"{maker.name} made it again"
        return Change(kind="input", name=port, text=text, because=because)

    def _maker_here(self, uri: str) -> ServiceTask | None:
        """Returns the task of this run that made or took an artifact."""
        for task in self.tasks:
            for artifacts in task.outputs.values():
                if any(artifact.uri == uri for artifact in artifacts):
                    return task
        return None


def _ran(task: ServiceTask) -> str:
    if task.state == "failed":
        message = task.message.removesuffix(".")
        return f"failed: {message}. It ran" if message else "failed. It ran"
    return {"running": "runs", "cancelled": "ran, and was ended"}.get(task.state, "ran")


def _why_no_entry(store: RunStore, task: str) -> str:
    run = store.directory.name
    ended = next((each for each in _tasks(store) if each.name == task), None)
    if ended is None or ended.state not in ("done", "cached"):
        state = ended.state if ended else "not there"
        return (
            f"it had the same key in the run {run}, where it is {state}, so that no result is kept"
        )
    return f"it had the same key in the run {run}, but the cache no longer has the entry"


def _maker(root: Path, task: ServiceTask) -> str:
    """Returns the run whose directory has the outputs of a task."""
    for artifacts in task.outputs.values():
        for artifact in artifacts:
            path = Path(artifact.uri)
            if path.is_relative_to(root) and len(path.relative_to(root).parts) > 2:
                return path.relative_to(root).parts[1]
    return ""


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str, Any, Any]]:
    for kind in dict.fromkeys([*after, *before]):
        old, new = before.get(kind, {}), after.get(kind, {})
        for name in dict.fromkeys([*new, *old]):
            if old.get(name) != new.get(name):
                yield kind, name, old.get(name), new.get(name)


def _name(kind: str, name: str) -> str:
    if kind == "code":
        return name.partition(": ")[2] or name
    return {"other": _OTHER, "container": _CONTAINER}.get(kind, {}).get(name, name)


def _text(kind: str, old: Any, new: Any) -> str:
    if kind in ("parameter", "output"):
        if old is None:
            return f"{new!r}, before it was not given"
        return f"{old!r} -> {new!r}"
    if old is None:
        return "is new"
    return "is gone" if new is None else "has changed"

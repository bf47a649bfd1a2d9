"""Fingerprints of input files that `headrace submit` takes itself, for one run."""

import importlib.util
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.compilation.passes.input_fingerprints import (
    Fingerprints,
    TaskKey,
    missing_fingerprints,
    tasks_before,
)
from headrace.compilation.passes.known_values import Known
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.declaration import cache_hooks
from headrace_components.contract.hooks import CacheHooks

# A store that does not answer is left to the task, which has the cluster's network and account.
_PATIENCE_SECONDS = 60.0

# Names of its buckets mean the same everywhere. A path may be another machine's, and an s3://
# bucket one of another server.
_SEEN_ALIKE = "gs://"


@dataclass(kw_only=True)
class FingerprintsAtSubmit:
    """Takes the fingerprints that this machine can take for tasks elsewhere.

    Attributes:
        values: Values of run parameters that the run is given.
        taken: Labels of the tasks whose fingerprint was taken, with the files that were looked at.
        left: Labels of those that need a task before them, with why.
    """

    values: Mapping[str, Any]
    taken: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def __call__(self, spec: Spec) -> Fingerprints:
        """Returns the fingerprints of a compiled pipeline's tasks, those that can be had."""
        found: dict[TaskKey, set[str | None]] = {}
        for node in missing_fingerprints(spec):
            found.setdefault((node.dag, node.name), set()).add(self._of(node, spec))
        return {
            key: value
            for key, (value, *others) in ((key, tuple(values)) for key, values in found.items())
            if value is not None and not others
        }

    def described(self, spec: Mapping[str, Any]) -> str:
        """Returns a line on the fingerprints of a compiled pipeline; empty if it has none."""
        taken = [f"{label} at {location}" for label, location in sorted(self.taken.items())]
        before = [
            f"{before} ({self.left[label]})" if label in self.left else before
            for label, before in sorted(tasks_before(spec).items())
        ]
        parts = [
            *([f"taken here of {', '.join(taken)}"] if taken else []),
            *([f"taken in the run by {', '.join(before)}"] if before else []),
        ]
        return f"Input fingerprints: {'; '.join(parts)}." if parts else ""

    def _of(self, node: specs.TaskNode, spec: Spec) -> str | None:
        component = node.headrace_name or ""
        hooks = cache_hooks(component)
        known = Known(spec, self.values, {}).of(node, component)
        params = {name: known[name] for name in specs.parameters(node.component) if name in known}
        why = _hindrance(node, params, hooks)
        if why:
            self.left[node.label] = why
            return None
        location = _locations(hooks, params)[0]
        state = _patiently(lambda: hooks.external_state and hooks.external_state(params, {}))
        if state is None:
            self.left[node.label] = f"this machine could not read {location}"
        else:
            self.taken[node.label] = location
        return state


def _hindrance(node: specs.TaskNode, params: Mapping[str, Any], hooks: CacheHooks) -> str | None:
    """Returns why this machine cannot see what a task will read; None if it can."""
    unknown = sorted(specs.parameters(node.component).keys() - params.keys())
    if unknown:
        return f"`{unknown[0]}` is known in the run alone"
    if hooks.earlier_state is not None:
        return "what earlier runs left is known in the run alone"
    for location in _locations(hooks, params):
        if not location.startswith(_SEEN_ALIKE):
            return f"{location!r} may be other files on this machine"
    if importlib.util.find_spec("pyarrow") is None:
        return "pyarrow is not installed here"
    return None


def _locations(hooks: CacheHooks, params: Mapping[str, Any]) -> Sequence[str]:
    return hooks.input_locations(params) if hooks.input_locations is not None else ()


def _patiently(look: Callable[[], str | None]) -> str | None:
    """Returns the result of `look`, or None if it takes too long."""
    found: list[str | None] = []
    # A daemon thread: the client of a store may continue to try for longer than a user waits.
    thread = threading.Thread(target=lambda: found.append(look()), daemon=True)
    thread.start()
    thread.join(_PATIENCE_SECONDS)
    return found[0] if found else None

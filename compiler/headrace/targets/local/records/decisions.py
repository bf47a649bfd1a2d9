"""Why tasks of a run ran or did not: `logs/.keys/`, one file a task, for `headrace why`.

A file has the parts of the task's cache key in a form for people. Parameters may be secrets, so
others may not read it; long values are there by their digests.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from headrace.targets.local.records.json_files import read_json, write_json
from headrace.targets.local.records.store import RunStore

How = Literal["ran", "cached", "reused", "imported"]
Miss = Literal["", "off", "refused", "unknown", "new", "damaged", "changed", "elsewhere"]
"""Why the cache gave no answer.

`off`: the run was started with --no-cache. `refused`: the pipeline says that the task runs always.
`unknown`: only a run can find the task's result. `new`: nothing had its key. `damaged`, `changed`:
the entry, or an output of it, was not as it was left. `elsewhere`: what the task wrote outside of
its outputs is gone.
"""

_DIRECTORY = "logs/.keys"
_PRIVATE_MODE = 0o600
_MAX_LENGTH = 200
_DIGEST_LENGTH = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """How the result of a task came about.

    Attributes:
        task: Its name in the run.
        how: `reused`: of the run on which a partial run is based.
        key: The key of its entry in the cache; empty if it has none.
        parts: The parts of the key by kind and name.
        miss: Why the cache gave no answer; empty if it was not asked.
        detail: What `miss` is about, such as the output that has changed.
        by: The run and the task whose result it has, if it did not run.
        before: The parts at an earlier attempt at this run, with whose result it would have been
            content; empty if there is none.
    """

    task: str
    how: How
    key: str = ""
    parts: Mapping[str, Any] = field(default_factory=dict)
    miss: Miss = ""
    detail: str = ""
    by: tuple[str, str] = ("", "")
    before: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Decision":
        """Reads the result of `asdict`. Raises an error of Python's own if its form is wrong."""
        known = {each.name: data[each.name] for each in fields(cls) if each.name in data}
        run, task = known.pop("by", ("", ""))
        found = cls(**known, by=(str(run), str(task)))
        for parts in (found.parts, found.before):
            if not all(isinstance(each, dict) for each in parts.values()):
                raise TypeError("a part of the key is no object")
        return found


def write_decision(store: RunStore, decision: Decision) -> None:
    """Keeps a decision. It is for people: a full disk does not fail the task."""
    with contextlib.suppress(OSError):
        write_json(_file(store, decision.task), asdict(decision), mode=_PRIVATE_MODE)


def read_decision(store: RunStore, task: str) -> Decision | None:
    """Returns the decision about a task; None if there is none, or it is damaged."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        return Decision.from_json(read_json(_file(store, task)))
    return None


def brief(value: Any) -> Any:
    """Returns JSON data in a form that is short, and differs if the data do."""
    text = json.dumps(value, sort_keys=True)
    if len(text) <= _MAX_LENGTH:
        return value
    return f"{len(text)} characters, SHA-256 {hashlib.sha256(text.encode()).hexdigest()}"


def brief_digest(text: str) -> str:
    """Returns the beginning of a digest, which is enough to compare it with another one."""
    return text[:_DIGEST_LENGTH]


def _file(store: RunStore, task: str) -> Any:
    # A name of a task may be longer than a name of a file.
    return store.directory / _DIRECTORY / f"{hashlib.sha256(task.encode()).hexdigest()[:32]}.json"

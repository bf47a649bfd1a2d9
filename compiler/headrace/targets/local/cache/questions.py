"""What a cache is asked for a task, in a form for machines and in one for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.targets.local.cache.reach.reached_code import Reached
from headrace.targets.local.records.decisions import Miss, brief, brief_digest


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What a cache is asked.

    Attributes:
        key: The name of the entry; None if only a run can find the task's result.
        parts: The parts of the key by kind and name.
        unknown: What is not known before the run, if there is no key.
    """

    key: str | None
    parts: Mapping[str, Mapping[str, Any]]
    unknown: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NoAnswer:
    """Why a cache has no answer.

    Attributes:
        miss: The reason.
        detail: What it is about, such as the output that has changed.
    """

    miss: Miss
    detail: str = ""


def readable(asked: Mapping[str, Any], modules: Mapping[str, Reached]) -> dict[str, dict[str, Any]]:
    """Returns the parts of a key for people: small, and different if the key is."""
    container = {name: value for name, value in asked["container"].items() if value}
    parameters = {name: value for name, value in asked["parameters"].items() if name not in modules}
    found = {
        "code": {
            f"{parameter}: {part}": brief_digest(digest)
            for parameter, reached in modules.items()
            for part, digest in {**reached.parts, "": reached.digest}.items()
        },
        "parameter": {name: brief(value) for name, value in parameters.items()},
        "input": {
            port: [[uri, brief_digest(digest)] for uri, digest in uris]
            for port, uris in asked["inputs"].items()
        },
        "container": {name: brief(value) for name, value in container.items()},
        "output": {"ports": brief(asked["outputs"])},
        "other": {
            name: brief(asked[name])
            for name in ("like", "pipeline", "author", "code", "state", "environment")
            if asked.get(name)
        },
    }
    return {kind: each for kind, each in found.items() if each}

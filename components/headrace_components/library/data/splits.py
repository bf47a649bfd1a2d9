"""The splits of an artifact, and those that a component works on. Standard library only."""

import json
from collections.abc import Sequence
from pathlib import Path

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact


def selected(artifact: Artifact, exclude: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the splits to work on, in the order of the artifact.

    Args:
        artifact: An input with `Split-<name>` directories. Its metadata `split_names`, a JSON list,
            gives their names and order. An artifact that was imported without metadata has the
            splits in its directory, sorted.
        exclude: Names of splits to leave out.

    Raises:
        InputError: `artifact` has no splits, or `exclude` names an unknown split or all splits.
    """
    names = _names(artifact)
    unknown = sorted(set(exclude) - set(names))
    if unknown:
        raise InputError(
            f"`exclude_splits` names {unknown}, but `{artifact.key}` has the splits "
            f"{list(names)}. Name only those, or none."
        )
    kept = tuple(name for name in names if name not in exclude)
    if not kept:
        raise InputError(
            f"`exclude_splits` leaves out all splits of `{artifact.key}`, "
            f"{list(names)}. Keep at least one."
        )
    return kept


def directory(artifact: Artifact, split: str) -> Path:
    """Returns the directory of a split in `artifact`."""
    return artifact.path / f"Split-{split}"


def describe(source: Artifact, target: Artifact, names: Sequence[str]) -> None:
    """Gives `target` the span of `source` and the split names `names`, as in TFX."""
    target.metadata["span"] = int(source.metadata.get("span", 0))
    target.metadata["split_names"] = json.dumps(list(names))


def _names(artifact: Artifact) -> tuple[str, ...]:
    recorded = artifact.metadata.get("split_names")
    if recorded:
        return tuple(json.loads(recorded))
    found = sorted(path.name.removeprefix("Split-") for path in artifact.path.glob("Split-*"))
    if not found:
        entries = sorted(path.name for path in artifact.path.glob("*"))
        raise InputError(
            f"`{artifact.key}` is {artifact.path}, which holds {entries} and no "
            "`Split-<name>` directory. Connect an artifact that has splits."
        )
    return tuple(found)

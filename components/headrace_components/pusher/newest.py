"""Finds out whether an earlier push is still valid."""

from pathlib import Path

from headrace_components.contract.hooks import Outputs


def still_holds(outputs: Outputs) -> bool:
    """Returns whether the pushed version is the one that a server takes now.

    A model is pushed again if its version was deleted, or if another model was pushed after it.
    """
    return all(
        _is_newest(Path(str(metadata["pushed_destination"])))
        for metadata in outputs["pushed_model"]
        if metadata.get("pushed")
    )


def _is_newest(version: Path) -> bool:
    if not version.is_dir():
        return False
    versions = [entry.name for entry in version.parent.iterdir() if entry.name.isdecimal()]
    return int(version.name) == max(map(int, versions))

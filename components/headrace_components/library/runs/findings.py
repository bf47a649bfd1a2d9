"""Keeps the results of a failed task, which backends do not keep by themselves.

Kubeflow's launcher only uploads the log of a failed task. So its outputs are written to their own
URIs, where they would have been after a success. On Vertex AI the store is mounted, so they are
there already. The local backend moves them beside the run's logs, and logs the path.
"""

import importlib
import logging
from pathlib import Path
from types import ModuleType

from headrace_components.contract.task import Artifact, Task
from headrace_components.contract.texts import one_line
from headrace_components.library.runs.earlier_runs import origin_of


def keep(task: Task) -> str:
    """Keeps the outputs of a task, and returns a sentence with their location.

    Empty if the backend keeps them, or if it was not possible.
    """
    found = [
        artifact
        for artifact in task.outputs.values()
        if "://" in artifact.uri and _files(artifact.path)
    ]
    if not found:
        return ""
    if not all(origin_of(artifact.path).is_vertex for artifact in found):
        try:
            # Import by name: the task runtime only needs the standard library, except for stores.
            stores = importlib.import_module("headrace_components.library.clients.object_stores")
            for artifact in found:
                _upload(artifact, stores)
        except Exception as error:
            logging.warning(
                "%s: what it found could not be kept: %s: %s. To have it, let the task's account "
                "write to the store, or let the task record anomalies without failing.",
                task.component,
                type(error).__name__,
                one_line(error, 300),
            )
            return ""
    places = ", ".join(f"`{artifact.key}` at {artifact.uri}" for artifact in found)
    return f"What it found is kept: {places}."


def _upload(artifact: Artifact, stores: ModuleType) -> None:
    filesystem, target = stores.open_store(artifact.uri)
    for file in _files(artifact.path):
        name = "" if file == artifact.path else f"/{file.relative_to(artifact.path).as_posix()}"
        stores.upload(file, filesystem, f"{target}{name}")


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file())

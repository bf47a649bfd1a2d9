"""Keeps what a failed task has found, which no backend does by itself.

Kubeflow's launcher uploads nothing of a task that fails but its log, so its outputs are written to
where they would have been: their own URIs. Vertex AI has the store mounted, so they are there.
The local backend moves them beside the run's logs, and says where.
"""

import importlib
import logging
from pathlib import Path
from types import ModuleType

from headrace_components.contract.task import Artifact, Task
from headrace_components.library.runs.earlier_runs import origin_of


def keep(task: Task) -> str:
    """Keeps the outputs of a task, and returns a sentence that says where they are.

    Empty where the backend keeps them, or nothing could.
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
            # By name: the task runtime is standard library only, and needs no store elsewhere.
            stores = importlib.import_module("headrace_components.library.clients.object_stores")
            for artifact in found:
                _upload(artifact, stores)
        except Exception as error:
            logging.warning(
                "%s: what it found could not be kept: %s: %s. To have it, let the task's account "
                "write to the store, or let the task record anomalies without failing.",
                task.component,
                type(error).__name__,
                " ".join(str(error).split())[:300],
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

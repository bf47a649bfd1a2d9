"""Copies a task's artifacts to and from a volume that several pods mount."""

import json
import shutil
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import PlatformError
from headrace_components.contract.task import Task

_OUTPUT_FILE = "executor_output.json"


def stage(task: Task, message: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Copies the inputs, and returns the task's message with everything under `folder`.

    Args:
        task: The task as this pod sees it.
        message: Its `ExecutorInput`; changed in place.
        folder: A directory on the volume, the same path in every pod.

    Raises:
        PlatformError: The volume does not exist.
    """
    if not folder.parent.is_dir():
        raise PlatformError(
            f"{folder.parent} is not a directory, expected the volume that all pods "
            "mount. Check `volumes` in the task's settings, and that the claim is bound."
        )
    for port, artifacts in task.inputs.items():
        entries = message["inputs"]["artifacts"][port]["artifacts"]
        for number, (artifact, entry) in enumerate(zip(artifacts, entries, strict=True)):
            target = folder / "inputs" / f"{port}-{number}" / artifact.path.name
            if artifact.path.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(artifact.path, target)
            elif artifact.path.is_dir():
                shutil.copytree(artifact.path, target, copy_function=shutil.copyfile)
            else:  # the store has no object for an empty directory
                target.mkdir(parents=True)
            entry["customPath"] = str(target)
    outputs = message["outputs"]
    for port in task.outputs:
        outputs["artifacts"][port]["artifacts"][0]["customPath"] = str(folder / "outputs" / port)
    for name, entry in outputs.get("parameters", {}).items():
        entry["outputFile"] = str(folder / "parameters" / name)
    folder.mkdir(parents=True, exist_ok=True)
    outputs["outputFile"] = str(folder / _OUTPUT_FILE)
    return message


def collect(task: Task, folder: Path) -> None:
    """Copies outputs, metadata and parameters of the pods from `folder`.

    Raises:
        PlatformError: The chief wrote no message about its outputs.
    """
    file = folder / _OUTPUT_FILE
    if not file.is_file():
        raise PlatformError(
            f"the pods ended well, but {file} is not there: the volume does not show "
            "in one pod what another wrote. Use a claim with the access mode ReadWriteMany."
        )
    published = json.loads(file.read_text("utf-8"))
    for port, artifact in task.outputs.items():
        source = folder / "outputs" / port
        if source.is_file():
            shutil.copyfile(source, artifact.path)
        elif source.is_dir():
            shutil.copytree(
                source, artifact.path, dirs_exist_ok=True, copy_function=shutil.copyfile
            )
        (entry,) = published["artifacts"][port]["artifacts"]
        artifact.metadata.update(entry["metadata"])
    task.output_parameters.update(published.get("parameterValues", {}))

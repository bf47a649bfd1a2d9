"""Importers: tasks that name an artifact which is there already."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from headrace.ir.values import whole_numbers
from headrace.ir.view import artifact_type
from headrace.targets.local.cache.answers import fingerprint
from headrace.targets.local.execution.placeholders import Context, fill, fill_constant
from headrace.targets.local.shared.results import RuntimeArtifact, TaskInputs
from headrace_components.contract.errors import InputError
from headrace_components.contract.property_types import IMPORTED_KEY


def import_artifact(
    importer: Mapping[str, Any],
    inputs: TaskInputs,
    directory: Path,
    context: Context,
    copies: Path,
    notify: Callable[[str], None],
) -> RuntimeArtifact:
    """Returns the artifact that an importer names.

    A local path may change its contents, so it gets a fingerprint: tasks that read it then run
    again.

    Args:
        importer: The `ImporterSpec` message.
        inputs: The task's inputs.
        directory: The directory for relative paths: where the run was started.
        context: Values of the pipeline's placeholders; names the task in error messages.
        copies: Where an importer with `download_to_workspace` copies its artifact.
        notify: Gets a line about an artifact that is not copied.

    Raises:
        InputError: The URI is empty, or a path at which there is nothing.
    """
    context = replace(context, message={"inputs": {"parameterValues": dict(inputs.parameters)}})
    uri = fill(_uri(importer, inputs), context)
    if not uri:
        raise InputError(
            f"{context.task}: the importer's URI is empty, expected a path or a URI. "
            "Pass `artifact_uri` of something that exists."
        )
    mark = ""
    if "://" not in uri:
        path = directory / uri
        if not os.path.exists(path):  # noqa: PTH110  no error for what cannot be a path
            raise InputError(
                f"{context.task}: the importer's URI is {uri!r}, but there is no {path}. "
                "Give the path or URI of something that exists."
            )
        uri, mark = str(path), fingerprint(path)
    if importer.get("downloadToWorkspace"):
        if "://" in uri:
            notify(
                f"{context.task}: {uri!r} is on no disk of this machine and not copied to the "
                "workspace; tasks get its URI."
            )
        else:
            uri = str(_copied(Path(uri), copies))
    metadata = whole_numbers(fill_constant(importer.get("metadata", {}), context))
    return RuntimeArtifact(
        uri=uri,
        type=artifact_type(importer["typeSchema"]),
        metadata={name: value for name, value in metadata.items() if name != IMPORTED_KEY},
        fingerprint=mark,
    )


def _copied(source: Path, directory: Path) -> Path:
    # An interrupted run may have left an incomplete copy.
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    target = directory / source.name
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
    return target


def _uri(importer: Mapping[str, Any], inputs: TaskInputs) -> str:
    source = importer["artifactUri"]
    if "runtimeParameter" in source:
        return str(inputs.parameters.get(source["runtimeParameter"], ""))
    return str(source["constant"])

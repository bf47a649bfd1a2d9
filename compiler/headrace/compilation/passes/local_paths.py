"""Finds paths of this machine in a TFX pipeline that is compiled for a cluster.

TFX's examples and templates name directories of this machine. Such a pipeline compiles, and then
each of its tasks fails, so its author should know before.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headrace.contract.target import Target
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace.profiles.target_settings import TargetSettings
from headrace_components.contract.declaration import find

# Values that are shown in one note; more would hide the others.
_SHOWN = 5


def local_paths(
    spec: Mapping[str, Any], names: Mapping[str, str], target: Target, profile: Profile
) -> tuple[str, ...]:
    """Returns a note on the paths of this machine in a pipeline, if it has any.

    Args:
        spec: The pipeline.
        names: IDs of nodes by the names of their tasks.
        target: Where it is to run.
        profile: It may give other values to parameters.
    """
    settings = target.settings(profile) or TargetSettings()
    own = settings.pipeline_parameters.get(specs.pipeline_name(spec), {})
    found = [
        f"parameter `{name}` {value}"
        for name, value in _defaults(spec)
        if name not in {**settings.parameters, **own}
    ]
    for node in specs.tasks(spec):
        task = names.get(node.path[-1], node.label)
        found += [f"{task} `{name}` {value}" for name, value in _constants(node)]
    if not found:
        return ()
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (
        f"paths of this machine are in the pipeline, and tasks on {target.name} do not see them: "
        f"{', '.join(found[:_SHOWN])}{more}. Name a URI, such as gs://my-bucket/data, unless the "
        "path is there in the task's container.",
    )


def _defaults(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, each in specs.parameters(spec["root"]).items():
        if _is_here(each.get("defaultValue")):
            yield name, each["defaultValue"]


def _constants(node: specs.TaskNode) -> Iterator[tuple[str, str]]:
    # The file of a module travels in the pipeline.
    declared = find(specs.headrace_component(node.container))
    packed = declared.module_parameter if declared else ""
    for name, source in specs.parameter_inputs(node.task).items():
        value = source.get("runtimeValue", {}).get("constant")
        if name != packed and _is_here(value):
            yield name, value
    uri = node.executor.get("importer", {}).get("artifactUri", {}).get("constant")
    if _is_here(uri):
        yield "artifact_uri", uri


def _is_here(value: Any) -> bool:
    """Returns whether a value is an absolute path of this machine, or of something new there."""
    if not isinstance(value, str) or not value.startswith("/") or "\n" in value:
        return False
    path = Path(value)
    try:
        return path.exists() or (len(path.parts) > 2 and path.parent.exists())
    except (OSError, ValueError):
        return False

"""Gives tasks the machines, retries, caching and variables from the profile.

The pipeline's own settings take precedence over the profile's settings for several tasks; the
profile's settings for this task take precedence over them.
"""

from collections.abc import Mapping
from typing import Any

from headrace.contract.target import Target
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace.profiles.accelerators import ACCELERATORS
from headrace.profiles.quantities import seconds, size_in_bytes
from headrace.profiles.tasks import ScopedSettings, TaskPath, TaskSettings

# kfp's `set_retry` has the same, but no delay.
BACKOFF = {"backoffDuration": "0s", "backoffFactor": 2.0, "backoffMaxDuration": "3600s"}


def apply_resources(spec: Mapping[str, Any], settings: Mapping[TaskPath, ScopedSettings]) -> Spec:
    """Returns `spec` with the settings of `settings`; accelerators keep their neutral names.

    Raises:
        CompileError: Two tasks that share an executor would get different settings, or one has a
            setting of something that it does not get.
    """
    result: Spec = specs.copy(spec)
    seen: dict[str, tuple[str, ScopedSettings]] = {}
    for node in specs.tasks(result):
        scoped = settings.get(node.path)
        if scoped is None:
            continue
        other, first = seen.setdefault(node.component["executorLabel"], (node.label, scoped))
        if first != scoped:
            raise CompileError(
                f"tasks: {other!r} and {node.label!r} run one executor, so they cannot have "
                "different settings. Give them the same ones."
            )
        _set_resources(node.container, scoped)
        _set_environment(node.container, scoped)
        _set_retries(node.task, scoped)
        _set_caching(node.task, scoped)
        _check_whole(node, scoped.own)
    return result


def apply_accelerators(spec: Mapping[str, Any], target: Target) -> Spec:
    """Returns `spec` with the names that `target` gives the accelerators of neutral names.

    Other names are kept: a target refuses those that it does not know.
    """
    result: Spec = specs.copy(spec)
    for executor in specs.executors(result).values():
        container = executor.get("container", {})
        neutral = accelerator(container)
        name = target.accelerator_name(neutral) if neutral in ACCELERATORS else None
        if name is not None:
            container["resources"]["accelerator"].update(type=name, resourceType=name)
    return result


def accelerator(container: Mapping[str, Any]) -> str:
    """Returns the accelerator that a container asks for, or an empty string."""
    asked = container.get("resources", {}).get("accelerator", {})
    name: str = asked.get("resourceType") or asked.get("type") or ""
    return name


def asks(resources: Mapping[str, Any], what: str, kind: str) -> bool:
    """Returns whether a container's resources have a `Limit` or `Request` of `cpu` or `memory`."""
    return f"{what}{kind}" in resources or f"resource{what.title()}{kind}" in resources


def cpu_fields(kind: str, cores: float) -> dict[str, Any]:
    """Returns the fields of a `Limit` or `Request` of CPU, in kfp's form."""
    return {f"cpu{kind}": cores, f"resourceCpu{kind}": f"{cores:g}"}


def memory_fields(kind: str, size: str) -> dict[str, Any]:
    """Returns the fields of a `Limit` or `Request` of memory, in kfp's form."""
    gigabytes = (size_in_bytes(size) or 0) / 1e9
    return {f"memory{kind}": gigabytes, f"resourceMemory{kind}": size}


def _set_resources(container: dict[str, Any], scoped: ScopedSettings) -> None:
    resources = dict(container.get("resources", {}))
    for setting, kind in (("", "Limit"), ("_request", "Request")):
        cpu = _chosen(scoped, f"cpu{setting}", is_set=asks(resources, "cpu", kind))
        if cpu is not None:
            resources |= cpu_fields(kind, cpu)
        memory = _chosen(scoped, f"memory{setting}", is_set=asks(resources, "memory", kind))
        if memory is not None:
            resources |= memory_fields(kind, memory)
    name = _chosen(scoped, "accelerator", is_set="accelerator" in resources)
    if name is not None:
        count = str(scoped.merged.accelerator_count or 1)
        resources["accelerator"] = {
            "type": name,
            "resourceType": name,
            "count": count,
            "resourceCount": count,
        }
    elif scoped.own.accelerator_count is not None and "accelerator" in resources:
        count = str(scoped.own.accelerator_count)
        resources["accelerator"] = {
            **resources["accelerator"],
            "count": count,
            "resourceCount": count,
        }
    if resources:
        container["resources"] = resources


def _set_environment(container: dict[str, Any], scoped: ScopedSettings) -> None:
    # An empty value is left out of the message.
    given = {item["name"]: item.get("value", "") for item in container.get("env", [])}
    variables = {**scoped.general.environment, **given, **scoped.own.environment}
    if variables != given:
        container["env"] = [{"name": name, "value": variables[name]} for name in variables]


def _set_retries(task: dict[str, Any], scoped: ScopedSettings) -> None:
    retries = _chosen(scoped, "retries", is_set="retryPolicy" in task)
    if retries is not None:
        task["retryPolicy"] = {**BACKOFF, "maxRetryCount": retries}
    if not task.get("retryPolicy", {}).get("maxRetryCount"):
        task.pop("retryPolicy", None)
    elif scoped.merged.retry_delay is not None and (retries is not None or scoped.own.retry_delay):
        task["retryPolicy"]["backoffDuration"] = f"{seconds(scoped.merged.retry_delay)}s"


def _set_caching(task: dict[str, Any], scoped: ScopedSettings) -> None:
    # kfp enables caching by default, so a general setting can only turn it off.
    if scoped.own.cache is not None:
        task["cachingOptions"] = {"enableCache": True} if scoped.own.cache else {}
    elif scoped.general.cache is False:
        task["cachingOptions"] = {}


def _check_whole(node: specs.TaskNode, own: TaskSettings) -> None:
    has_accelerator = "accelerator" in node.container.get("resources", {})
    if own.accelerator_count is not None and not has_accelerator:
        raise CompileError(
            f"tasks: {node.label!r} has `accelerator_count`, but no accelerator. Write "
            "`accelerator`, for example 'nvidia-l4', beside it, or leave it out."
        )
    if own.retry_delay is not None and own.retries != 0 and "retryPolicy" not in node.task:
        raise CompileError(
            f"tasks: {node.label!r} has `retry_delay`, but no retries. Write `retries` beside it, "
            "or leave it out."
        )


def _chosen(scoped: ScopedSettings, name: str, *, is_set: bool) -> Any:
    own, general = getattr(scoped.own, name), getattr(scoped.general, name)
    return own if own is not None or is_set else general


def check_settings(
    settings: Mapping[TaskPath, ScopedSettings], target: Target, source: str
) -> None:
    """Refuses settings that `target` would leave out.

    Args:
        settings: The profile's settings for each task.
        target: Where the pipeline is to run.
        source: Name of the profile, for messages.

    Raises:
        CompileError: The first such setting, with what to write instead.
    """
    for path, scoped in settings.items():
        finding = target.refused_setting(scoped.merged)
        if finding:
            raise CompileError(f"{source}: task `{'/'.join(path)}`: target {target.name} {finding}")

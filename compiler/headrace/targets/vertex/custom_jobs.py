"""Tasks that run as custom jobs: on several machines, or on machines of a chosen type.

Vertex AI runs a container of a pipeline on one machine that fits its limits. For everything else
the task becomes a small container of Google, which submits a custom job and waits for it. The job's
containers are those of the task, and publish its outputs.

Source: google-cloud-pipeline-components, `v1/custom_job/utils.py`, and the launcher it starts,
`container/v1/custom_job`; the job is a `CustomJob` message of `aiplatform.v1`, in protojson with
names in snake case.
"""

import json
from collections.abc import Mapping
from typing import Any

from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace.profiles.profile import Profile
from headrace.profiles.quantities import seconds
from headrace.profiles.tasks import ScopedSettings, TaskPath, TaskSettings
from headrace.targets.vertex.settings import Vertex

# Releases of this image keep their tags.
LAUNCHER_IMAGE = "gcr.io/ml-pipeline/google-cloud-pipeline-components:2.22.0"
_LAUNCHER = (
    "python3",
    "-u",
    "-m",
    "google_cloud_pipeline_components.container.v1.custom_job.launcher",
)

# The launcher writes the job's name here, so that Vertex AI shows it and cancels it with the task.
_RESOURCES = "gcp_resources"

_EXECUTOR_INPUT = "{{$}}"
# The same, as a part of a JSON string.
_ESCAPED_EXECUTOR_INPUT = "{{$.json_escape[1]}}"


def apply_custom_jobs(
    spec: Mapping[str, Any], settings: Mapping[TaskPath, ScopedSettings], profile: Profile
) -> Spec:
    """Returns `spec` with custom jobs for the tasks whose settings ask for them.

    These are tasks with several `workers`, a `machine_type` or a `persistent_resource`.

    Args:
        spec: A pipeline after all other passes.
        settings: The profile's settings for each task.
        profile: Where and as whom the jobs run.

    Raises:
        CompileError: A custom job cannot run the task.
    """
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        task = settings.get(node.path, ScopedSettings()).merged
        if not _asks(task) or node.container.get("image") == LAUNCHER_IMAGE:
            continue  # the latter if two tasks share an executor
        _check(node, task, profile)
        outputs = node.component.setdefault("outputDefinitions", {}).setdefault("parameters", {})
        outputs[_RESOURCES] = {"parameterType": "STRING"}
        job = _custom_job(f"{specs.pipeline_name(spec)}-{node.name}", node.container, task, profile)
        node.executor["container"] = {
            "image": LAUNCHER_IMAGE,
            "command": list(_LAUNCHER),
            "args": [
                *("--type", "CustomJob"),
                *("--payload", json.dumps(job, sort_keys=True, ensure_ascii=False)),
                *("--project", profile.table_of(Vertex).project),
                *("--location", profile.table_of(Vertex).region),
                *(f"--{_RESOURCES}", f"{{{{$.outputs.parameters['{_RESOURCES}'].output_file}}}}"),
            ],
        }
    return result


def _asks(task: TaskSettings) -> bool:
    return bool((task.workers or 1) > 1 or task.machine_type or task.persistent_resource)


def _check(node: specs.TaskNode, task: TaskSettings, profile: Profile) -> None:
    where = f"{profile.source}: task `{node.label}`: target vertex runs it as a custom job"
    if not task.machine_type:
        raise CompileError(
            f"{where}, which names its machines, but the task has no `machine_type`. Write one, "
            f"for example 'n1-standard-8', in [vertex.tasks.{node.name}]."
        )
    missing = [
        name for name in ("project", "region") if not getattr(profile.table_of(Vertex), name)
    ]
    if missing:
        raise CompileError(
            f"{where}, which is submitted to a project, but [vertex] has no {missing}. Add them."
        )
    if _RESOURCES in specs.output_parameters(node.component):
        raise CompileError(
            f"{where}, whose name goes to `{_RESOURCES}`, but the task has an output of that name. "
            "Take `machine_type`, `workers` and `persistent_resource` out of its settings."
        )
    for text in (*node.container.get("command", []), *node.container.get("args", [])):
        if "{{$" in text and text != _EXECUTOR_INPUT:
            raise CompileError(
                f"{where}, where {text!r} cannot be filled in. Pass '{{{{$}}}}' as an argument of "
                "its own, and read parameters and paths from it."
            )


def _custom_job(
    name: str, container: Mapping[str, Any], task: TaskSettings, profile: Profile
) -> dict[str, Any]:
    """Returns the body of a `projects.locations.customJobs.create` request.

    Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.customJobs
    """
    settings, workers = profile.table_of(Vertex), task.workers or 1
    # The first pool is the chief: its machine is `workerpool0` in CLUSTER_SPEC.
    counts = [1, workers - 1] if workers > 1 else [1]
    scheduling = {
        "timeout": f"{seconds(task.timeout)}s" if task.timeout else "",
        "strategy": "SPOT" if task.spot else "",
    }
    job_spec = {
        "worker_pool_specs": [_pool(container, task, count) for count in counts],
        "scheduling": _without_empty(scheduling),
        "service_account": settings.service_account,
        "network": settings.network,
        "reserved_ip_ranges": list(settings.reserved_ip_ranges),
        "persistent_resource_id": task.persistent_resource or "",
    }
    key = {"kms_key_name": settings.encryption_key} if settings.encryption_key else {}
    labels = {name: str(value) for name, value in settings.labels.items()}
    job = {"job_spec": _without_empty(job_spec), "labels": labels, "encryption_spec": key}
    return {"display_name": name[:128], **_without_empty(job)}


def _pool(container: Mapping[str, Any], task: TaskSettings, count: int) -> dict[str, Any]:
    machine: dict[str, Any] = {"machine_type": task.machine_type}
    accelerator = container.get("resources", {}).get("accelerator")
    if accelerator:
        machine["accelerator_type"] = accelerator["resourceType"]
        machine["accelerator_count"] = int(accelerator["resourceCount"])
    run = {
        "image_uri": container["image"],
        "command": list(container.get("command", [])),
        "args": [
            _ESCAPED_EXECUTOR_INPUT if text == _EXECUTOR_INPUT else text
            for text in container.get("args", [])
        ],
        "env": [dict(item) for item in container.get("env", [])],
    }
    return {"machine_spec": machine, "replica_count": count, "container_spec": _without_empty(run)}


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}

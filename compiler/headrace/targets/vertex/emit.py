"""Writes a pipeline as a Vertex AI PipelineJob."""

from collections.abc import Mapping
from typing import Any

from headrace.errors import CompileError
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace.targets.vertex.settings import MAX_DISPLAY_NAME, Vertex


def pipeline_root(spec: Mapping[str, Any], profile: Profile) -> str:
    """Returns the directory of all artifacts.

    Raises:
        CompileError: There is none, or Vertex AI cannot use it.
    """
    root: str = profile.table_of(Vertex).pipeline_root or spec.get("defaultPipelineRoot", "")
    if not root.startswith("gs://"):
        raise CompileError(
            f"vertex: the pipeline root is {root!r}, expected a URI such as "
            f"'gs://my-bucket/headrace'. Set `pipeline_root` in the table [vertex] of "
            f"{profile.source}."
        )
    return root


def pipeline_job(
    spec: Mapping[str, Any], root: str, values: Mapping[str, Any], profile: Profile
) -> dict[str, Any]:
    """Returns the body of a `projects.locations.pipelineJobs.create` request.

    Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs

    Args:
        spec: A pipeline after all passes.
        root: Directory of all artifacts.
        values: Values of run parameters, module files packed.
        profile: Where and as whom the job runs.

    Raises:
        CompileError: The pipeline's display name is too long.
    """
    settings = profile.table_of(Vertex)
    job: dict[str, Any] = {
        "displayName": settings.display_name or _display_name(spec),
        "pipelineSpec": dict(spec),
        "runtimeConfig": {"gcsOutputDirectory": root, "parameterValues": dict(values)},
    }
    if settings.failure_policy == "fast":
        job["runtimeConfig"]["failurePolicy"] = "PIPELINE_FAILURE_POLICY_FAIL_FAST"
    key = {"kmsKeyName": settings.encryption_key} if settings.encryption_key else {}
    optional = {
        "labels": {key: str(value) for key, value in settings.labels.items()},
        "serviceAccount": settings.service_account,
        "network": settings.network,
        "reservedIpRanges": list(settings.reserved_ip_ranges),
        "encryptionSpec": key,
    }
    return {**job, **{name: value for name, value in optional.items() if value}}


def _display_name(spec: Mapping[str, Any]) -> str:
    """Returns the name that the pipeline file gives people, or else the pipeline's own."""
    name = str(spec["pipelineInfo"].get("displayName") or specs.pipeline_name(spec))
    if len(name) > MAX_DISPLAY_NAME:
        raise CompileError(
            f"{specs.pipeline_name(spec)}: `display_name` of dsl.pipeline has {len(name)} "
            f"characters, expected at most {MAX_DISPLAY_NAME} on target vertex. Shorten it."
        )
    return name

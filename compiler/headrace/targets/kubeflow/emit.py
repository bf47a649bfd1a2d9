"""Writes a pipeline as YAML that Kubeflow Pipelines can upload."""

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.profiles.profile import Profile
from headrace.targets.kubeflow.settings import Kubeflow


def documents(
    spec: Mapping[str, Any], platform: Mapping[str, Any], profile: Profile
) -> list[dict[str, Any]]:
    """Returns the YAML documents: the pipeline, and its Kubernetes settings if it has any.

    Args:
        spec: A pipeline after all passes.
        platform: Its `PlatformSpec`; empty unless kfp-kubernetes was used.
        profile: Names the place of its artifacts.
    """
    pipeline = dict(spec)
    if profile.table_of(Kubeflow).pipeline_root:
        pipeline["defaultPipelineRoot"] = profile.table_of(Kubeflow).pipeline_root
    return [pipeline, dict(platform)] if platform else [pipeline]


def yaml_text(values: Sequence[Mapping[str, Any]]) -> str:
    """Returns `values` as YAML documents, the same text on every machine."""
    import yaml

    # The Python emitter: the one of libyaml, which may be missing, breaks long lines at other
    # places.
    return str(yaml.dump_all(values, Dumper=yaml.SafeDumper, sort_keys=True, width=100))

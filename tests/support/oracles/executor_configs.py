"""Parses a KubernetesExecutorConfig like the backend of Kubeflow Pipelines 2.17.

kfp-kubernetes 1.5, which is installed here, is older: it lacks the security context, and optional
secrets and maps:
https://github.com/kubeflow/pipelines/blob/2.17.0/kubernetes_platform/proto/kubernetes_executor_config.proto
"""

import copy
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2

_OPTIONAL = ("secretAsEnv", "secretAsVolume", "configMapAsEnv", "configMapAsVolume")
_SECURITY = {"runAsUser": int, "runAsGroup": int, "runAsNonRoot": bool}


def parsed(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the message's own JSON, so that spellings of the same value are equal.

    Raises:
        google.protobuf.json_format.ParseError: A field is unknown or of another type.
    """
    rest = copy.deepcopy(dict(config))
    for each in (entry for field in _OPTIONAL for entry in rest.get(field, [])):
        if not isinstance(each.pop("optional", False), bool):
            raise json_format.ParseError(f"`optional` of {each} is not a bool")
    security = rest.pop("securityContext", {})
    for name, value in security.items():
        if type(value) is not _SECURITY.get(name):
            raise json_format.ParseError(f"SecurityContext has no {name} that is {value!r}")
    message = json_format.ParseDict(rest, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
    result: dict[str, Any] = json_format.MessageToDict(message)
    return {**result, "securityContext": security} if security else result

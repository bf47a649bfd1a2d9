"""The addresses of S3 servers, for every S3 client of a task. Standard library only.

A URI with the scheme `s3` or `minio` does not name the server of the bucket. It comes from the
first of these: the author's variables, which are those of AWS's libraries; the settings with which
Kubeflow's launcher opened an input, in the input's metadata `store_session_info`; and, for `minio`,
the store that Kubeflow Pipelines installs.

Source of `store_session_info`: `SessionInfo` and `S3Params` of backend/src/v2/objectstore in
kubeflow/pipelines.
"""

import json
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# The variables that hand an input's server to this process, and to those that it starts.
_MINIO_ENDPOINT = "HEADRACE_MINIO_ENDPOINT"
_MINIO_REGION = "HEADRACE_MINIO_REGION"

# The Service of the store in releases from 2.15 on, and in those before; the variable that
# Kubernetes sets for it in pods of the same namespace.
_SERVICES = (
    ("seaweedfs.kubeflow", "SEAWEEDFS_SERVICE_HOST"),
    ("minio-service.kubeflow", "MINIO_SERVICE_SERVICE_HOST"),
)
_SERVICE_PORT = 9000

# Servers other than AWS take any region; libraries ask for one.
_ANY_REGION = "us-east-1"
_AWS = ".amazonaws.com"


@dataclass(frozen=True, kw_only=True, slots=True)
class S3Server:
    """A server that speaks S3.

    Attributes:
        endpoint: Its URL; empty for AWS itself.
        region: Its region; empty if only AWS knows the region of a bucket.
    """

    endpoint: str
    region: str


def server(scheme: str) -> S3Server:
    """Returns the server of the buckets that URIs of a scheme name.

    Args:
        scheme: `s3` or `minio`.
    """
    variables = os.environ
    endpoint = variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL") or ""
    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or ""
    if scheme == "minio":
        endpoint = endpoint or variables.get(_MINIO_ENDPOINT) or _installed()
        region = region or variables.get(_MINIO_REGION, "")
    return S3Server(endpoint=endpoint, region=region or (_ANY_REGION if endpoint else ""))


def adopt(inputs: Iterable[tuple[str, str]]) -> None:
    """Makes this process and its children use the servers of a task's inputs.

    The author's values are kept. botocore does not read AWS_REGION, and other libraries only read
    AWS_REGION, so each variable gets the value of the other.

    Args:
        inputs: URI and `store_session_info` of each input artifact.
    """
    for uri, info in inputs:
        scheme = uri.partition("://")[0]
        found = _parse(info) if scheme in ("s3", "minio") else None
        if found is None:
            continue
        if scheme == "minio":
            _set(_MINIO_ENDPOINT, found.endpoint)
            _set(_MINIO_REGION, found.region)
            continue
        if "AWS_ENDPOINT_URL_S3" not in os.environ:
            _set("AWS_ENDPOINT_URL", found.endpoint)
        if "AWS_DEFAULT_REGION" not in os.environ:
            _set("AWS_REGION", found.region)
    _set("AWS_DEFAULT_REGION", os.environ.get("AWS_REGION", ""))
    _set("AWS_REGION", os.environ.get("AWS_DEFAULT_REGION", ""))


def _set(name: str, value: str) -> None:
    if value:
        os.environ.setdefault(name, value)


def _parse(info: str) -> S3Server | None:
    """Returns the server in a `store_session_info`, or None if it is not about S3."""
    try:
        params: Any = json.loads(info)["Params"]
        endpoint = str(params.get("endpoint") or "")
        region = str(params.get("region") or "")
        is_plain = str(params.get("disableSSL", "")).lower() in ("true", "1", "t")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if endpoint and "://" not in endpoint:
        endpoint = f"{'http' if is_plain else 'https'}://{endpoint}"
    host = endpoint.partition("://")[2].partition("/")[0].partition(":")[0]
    return S3Server(endpoint="" if host.endswith(_AWS) else endpoint, region=region)


def _installed() -> str:
    """Returns the URL of the store that Kubeflow Pipelines installs."""
    for _, variable in _SERVICES:
        if os.environ.get(variable):
            return f"http://{os.environ[variable]}:{_SERVICE_PORT}"
    names = [name for name, _ in _SERVICES]
    # A client's error then names the first, which is that of the newest releases.
    return f"http://{next(filter(_resolves, names), names[0])}:{_SERVICE_PORT}"


def _resolves(name: str) -> bool:
    try:
        return bool(socket.getaddrinfo(name, _SERVICE_PORT))
    except OSError:
        return False

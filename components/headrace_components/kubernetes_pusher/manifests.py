"""The manifests that a push applies, as documented by Kubernetes and KServe."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from headrace_components.kubernetes_pusher.params import PVC, KubernetesPusherParams
from headrace_components.kubernetes_pusher.serving_cluster import ServingKind

DEPLOYMENT = ServingKind(api="apps/v1", kind="Deployment", plural="deployments")
SERVICE = ServingKind(api="v1", kind="Service", plural="services", verbs=("create", "patch"))
POD = ServingKind(api="v1", kind="Pod", plural="pods", verbs=("list",))
INFERENCE_SERVICE = ServingKind(
    api="serving.kserve.io/v1beta1", kind="InferenceService", plural="inferenceservices"
)

PUSH_LABEL = "headrace.dev/push"
VERSION_ANNOTATION = "headrace.dev/version"
LOCATION_ANNOTATION = "headrace.dev/location"

_NAME_LABEL = "app.kubernetes.io/name"
_OWNER_LABEL = {"app.kubernetes.io/managed-by": "headrace"}

_GRPC_PORT = 8500
REST_PORT = 8501

_CONTAINER = "tensorflow-serving"
_MODELS = "models"


def inference_service(
    params: KubernetesPusherParams, location: str, version: str
) -> dict[str, Any]:
    """Returns an InferenceService that serves the model at `location`, a URI."""
    model: dict[str, Any] = {
        "modelFormat": {"name": params.model_format},
        "storageUri": location,
    }
    if params.runtime:
        model["runtime"] = params.runtime
    if params.resources:
        model["resources"] = dict(params.resources)
    predictor = {**params.pod_spec, "model": model, "minReplicas": params.min_replicas}
    if params.max_replicas:
        predictor["maxReplicas"] = params.max_replicas
    if params.service_account:
        predictor["serviceAccountName"] = params.service_account
    # Pods have the labels of the predictor, so this label identifies the pods of this push. The
    # traffic share is not a property of the pods.
    predictor["labels"] = {PUSH_LABEL: _digest(params.name, predictor)}
    if params.canary_traffic_percent < 100:
        predictor["canaryTrafficPercent"] = params.canary_traffic_percent
    return _manifest(
        INFERENCE_SERVICE, params, {"predictor": predictor}, _annotations(location, version)
    )


def deployment(params: KubernetesPusherParams, location: str, version: str) -> dict[str, Any]:
    """Returns a Deployment of TensorFlow Serving for the versions under `location`, a URI.

    The model's location is an argument of the server, so a push is a rolling update, and so is a
    rollback.
    """
    claim, _, folder = location.removeprefix(PVC).partition("/")
    is_volume = location.startswith(PVC)
    container: dict[str, Any] = {
        "name": _CONTAINER,
        "image": params.image,
        # Not the script of the image, because it sets another base path.
        "command": ["/usr/bin/tensorflow_model_server"],
        "args": [
            f"--model_name={params.name}",
            f"--model_base_path={f'/{_MODELS}/{folder}' if is_volume else location}",
            f"--port={_GRPC_PORT}",
            f"--rest_api_port={REST_PORT}",
        ],
        "ports": [
            {"name": "grpc", "containerPort": _GRPC_PORT, "protocol": "TCP"},
            {"name": "rest", "containerPort": REST_PORT, "protocol": "TCP"},
        ],
        # So the server's last output is in the status of its pod, where a push reads it.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        # The server listens when it has loaded the model, and ends when it cannot.
        "readinessProbe": {
            "httpGet": {"path": f"/v1/models/{params.name}", "port": REST_PORT},
            "periodSeconds": 5,
        },
    }
    if params.resources:
        container["resources"] = dict(params.resources)
    pod: dict[str, Any] = {**params.pod_spec, "containers": [container]}
    if params.service_account:
        pod["serviceAccountName"] = params.service_account
    if is_volume:
        container["volumeMounts"] = [
            {"name": _MODELS, "mountPath": f"/{_MODELS}", "readOnly": True}
        ]
        claim_source = {"claimName": claim, "readOnly": True}
        pod["volumes"] = [{"name": _MODELS, "persistentVolumeClaim": claim_source}]
    labels = {_NAME_LABEL: params.name, PUSH_LABEL: _digest(params.name, pod)}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {_NAME_LABEL: params.name}},
        "progressDeadlineSeconds": params.timeout_seconds,
        # The old version answers until the new one does.
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        },
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if params.min_replicas:
        spec["replicas"] = params.min_replicas
    return _manifest(DEPLOYMENT, params, spec, _annotations(location, version))


def service(params: KubernetesPusherParams) -> dict[str, Any]:
    """Returns the Service of the Deployment's pods."""
    ports = [
        {"name": name, "port": port, "protocol": "TCP", "targetPort": name}
        for name, port in (("grpc", _GRPC_PORT), ("rest", REST_PORT))
    ]
    return _manifest(SERVICE, params, {"selector": {_NAME_LABEL: params.name}, "ports": ports}, {})


def push_of(found: Mapping[str, Any]) -> str:
    """Returns the push label that a manifest or an object gives its pods; empty without one."""
    spec = found.get("spec", {})
    holder = spec["predictor"] if "predictor" in spec else spec.get("template", {}).get("metadata")
    return str((holder or {}).get("labels", {}).get(PUSH_LABEL, ""))


def push_pointer(kind: ServingKind) -> str:
    """Returns the JSON pointer to that label."""
    holder = "/spec/predictor" if kind is INFERENCE_SERVICE else "/spec/template/metadata"
    return f"{holder}/labels/{PUSH_LABEL.replace('/', '~1')}"


def _manifest(
    kind: ServingKind,
    params: KubernetesPusherParams,
    spec: dict[str, Any],
    annotations: dict[str, str],
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": params.name,
        "labels": {_NAME_LABEL: params.name, **_OWNER_LABEL},
    }
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": kind.api, "kind": kind.kind, "metadata": metadata, "spec": spec}


def _annotations(location: str, version: str) -> dict[str, str]:
    return {VERSION_ANNOTATION: version, LOCATION_ANNOTATION: location}


def _digest(name: str, spec: dict[str, Any]) -> str:
    text = json.dumps([name, spec], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

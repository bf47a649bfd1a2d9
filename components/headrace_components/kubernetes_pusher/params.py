"""Parameters of KubernetesPusher."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError

KSERVE = "kserve"
TF_SERVING = "tf_serving"
_SERVERS = (KSERVE, TF_SERVING)

TENSORFLOW = "tensorflow"
PVC = "pvc://"

_IMAGE = "tensorflow/serving:2.19.1"
_TF_SERVING_STORAGE = (PVC, "gs://")

# RFC 1123: Kubernetes' rule for the names of services.
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")

# The fields of a pod's specification that the component writes itself.
_OWN_POD_FIELDS = ("containers", "volumes", "model", "serviceAccountName")


@dataclass(frozen=True, kw_only=True, slots=True)
class KubernetesPusherParams:
    """Parameters that a pipeline author may set.

    Attributes:
        server: `kserve`: creates or changes an InferenceService. `tf_serving`: creates or changes a
            Deployment of TensorFlow Serving and its Service.
        name: Name of the InferenceService, or of the Deployment and the Service, and of the model.
        base_directory: Where this task writes models: a directory of a mounted volume, or a
            `gs://` URI on Vertex AI.
        namespace: Namespace of the server; by default that of this task.
        storage_uri: The server's URI for `base_directory`, such as `pvc://claim/models` or
            `s3://bucket/models`; by default `base_directory` itself.
        model_format: KServe's name for the format of the model.
        runtime: KServe's serving runtime. By default KServe chooses one for the format.
        image: Image of TensorFlow Serving, for `tf_serving`.
        resources: Resources of the server's container, such as `{"limits": {"cpu": "2", "memory":
            "4Gi"}}`.
        pod_spec: Other fields of the specification of the pods, such as `{"nodeSelector": {...}}`.
        service_account: Service account of the server's pods.
        min_replicas: For `kserve`, the minimum number of replicas; with 0, KServe can scale to
            zero. For `tf_serving`, the number of replicas; with 0, an autoscaler sets it.
        max_replicas: The maximum number of replicas, for `kserve`.
        canary_traffic_percent: Percentage of the requests that this version gets, for `kserve`. The
            previous version gets the others.
        roll_back: Whether to return to the previous version if this one does not become ready. The
            task fails in both cases.
        timeout_seconds: How long the version can take to become ready.
        kubeconfig_context: Context of the kubeconfig file. By default the cluster in which the task
            runs, or the current context of the file.
    """

    server: str
    name: str
    base_directory: str
    namespace: str = ""
    storage_uri: str = ""
    model_format: str = TENSORFLOW
    runtime: str = ""
    image: str = _IMAGE
    resources: Mapping[str, Any] = field(default_factory=dict)
    pod_spec: Mapping[str, Any] = field(default_factory=dict)
    service_account: str = ""
    min_replicas: int = 1
    max_replicas: int = 0
    canary_traffic_percent: int = 100
    roll_back: bool = False
    timeout_seconds: int = 900
    kubeconfig_context: str = ""

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        if self.server not in _SERVERS:
            raise InputError(
                f"`server` is {self.server!r}, expected one of "
                f"{list(_SERVERS)}. Name the server that runs in the cluster."
            )
        if not _NAME.fullmatch(self.name):
            raise InputError(
                f"`name` is {self.name!r}, expected up to 63 lower-case "
                "letters, digits and '-' that start with a letter. Correct it."
            )
        if self.timeout_seconds < 1:
            raise InputError(
                f"`timeout_seconds` is {self.timeout_seconds}, expected 1 or "
                "more. Pulling an image and loading a model takes minutes."
            )
        self._check_storage()
        self._check_pod()
        self._check_replicas()
        if self.server == TF_SERVING:
            self._check_tf_serving()

    @property
    def location(self) -> str:
        """The server's name of `base_directory`, without a slash at its end."""
        return (self.storage_uri or self.base_directory).rstrip("/")

    def _check_storage(self) -> None:
        if not self.base_directory:
            raise InputError(
                "`base_directory` is empty, expected the directory where this "
                "task writes models for the server. Mount the server's volume, or pass gs:// on "
                "Vertex AI."
            )
        if "://" not in self.location or self.location.startswith("file://"):
            raise InputError(
                f"`storage_uri` is {self.storage_uri!r} and `base_directory` "
                f"{self.base_directory!r}, but a path of this task means nothing to the server. "
                "Pass as `storage_uri` what it calls that directory, for example "
                "'pvc://claim/models'."
            )

    def _check_pod(self) -> None:
        own = sorted(set(self.pod_spec) & set(_OWN_POD_FIELDS))
        if own:
            raise InputError(
                f"`pod_spec` has {own}, which the component writes itself. "
                "Leave them out; see `image`, `resources`, `service_account` and `storage_uri`."
            )
        unknown = sorted(set(self.resources) - {"requests", "limits"})
        if unknown:
            raise InputError(
                f"`resources` has {unknown}, expected `requests` and `limits`, "
                "as {'limits': {'cpu': '2', 'memory': '4Gi'}}. Correct it."
            )

    def _check_replicas(self) -> None:
        if self.min_replicas < 0 or 0 < self.max_replicas < self.min_replicas:
            raise InputError(
                f"`min_replicas` is {self.min_replicas} and `max_replicas` "
                f"{self.max_replicas}, expected 0 or more, and no less. Raise `max_replicas`."
            )
        if not 0 < self.canary_traffic_percent <= 100:
            raise InputError(
                f"`canary_traffic_percent` is {self.canary_traffic_percent}, "
                "expected 1 to 100. Pass 100 to give the version all requests."
            )

    def _check_tf_serving(self) -> None:
        if not self.location.startswith(_TF_SERVING_STORAGE):
            raise InputError(
                f"the server is to read {self.location!r}, but TensorFlow "
                f"Serving reads only {list(_TF_SERVING_STORAGE)}. Use one of them, or KServe."
            )
        for name, value, default in (
            ("max_replicas", self.max_replicas, 0),
            ("canary_traffic_percent", self.canary_traffic_percent, 100),
            ("runtime", self.runtime, ""),
            ("model_format", self.model_format, TENSORFLOW),
        ):
            if value != default:
                raise InputError(
                    f"`{name}` is {value!r}, which KServe alone knows, but "
                    "`server` is 'tf_serving'. Leave it out, or pass server='kserve'."
                )

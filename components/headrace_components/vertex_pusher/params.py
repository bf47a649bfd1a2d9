"""Parameters of VertexPusher."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from headrace_components.contract.errors import InputError

# The API's rule for IDs that a caller chooses; by itself the API makes numeric ones.
_MODEL_ID = re.compile(r"[a-z_][a-z0-9_-]{0,62}|[0-9]{1,19}")
_ENDPOINT_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?|[0-9]{1,19}")
_ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")

_DEFAULT_ALIAS = "default"

# The newest TensorFlow for which Vertex AI has its own image.
_PREBUILT_IMAGE = "{continent}-docker.pkg.dev/vertex-ai/prediction/tf2-{device}.2-15:latest"
_CONTINENTS = {
    "africa": "europe",
    "asia": "asia",
    "australia": "asia",
    "europe": "europe",
    "me": "europe",
}

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True, slots=True)
class VertexPusherParams:
    """Parameters that a pipeline author may set.

    Attributes:
        project: ID of the Google Cloud project.
        region: Region of the model, such as `europe-west1`.
        model_id: ID in the Model Registry. A model with this ID gets a new version. If there is
            none, it is made.
        display_name: Name of a new model in the console; by default `model_id`.
        version_description: Description of this version in the console.
        version_aliases: Aliases of this version. Other versions lose them.
        is_default_version: Whether this version gets the requests that name no version.
        labels: Labels of the version, for search and billing.
        serving_container_image: Image that serves the model. By default Vertex AI's image for
            TensorFlow 2.15, for GPUs if there is an `accelerator_type`.
        serving_container: Other fields of the API's `ModelContainerSpec`, such as `{"env":
            [{"name": ..., "value": ...}], "ports": [{"container_port": 8080}]}`.
        endpoint: ID of the endpoint to deploy to. If there is none, it is made. If empty, nothing
            is deployed.
        endpoint_spec: Fields of the API's `Endpoint` for a new endpoint, such as
            `{"private_service_connect_config": {"enable_private_service_connect": true}}`,
            `network` or `dedicated_endpoint_enabled`.
        machine_type: Machine type of a replica.
        accelerator_type: Accelerator type of a replica, such as `NVIDIA_L4`.
        accelerator_count: Number of accelerators of a replica.
        min_replica_count: Minimum number of replicas.
        max_replica_count: Maximum number of replicas.
        traffic_percentage: Percentage of the endpoint's requests that this version gets. The shares
            of the other versions become smaller in proportion. With 0 it is deployed, but gets no
            requests.
        undeploy_idle_models: Whether to undeploy models that no longer get any requests.
        service_account: Service account of the model's container.
        encryption_key: Cloud KMS key for the model and for a new endpoint, such as
            `projects/P/locations/R/keyRings/K/cryptoKeys/N`.
        timeout_seconds: How long to wait for Vertex AI in total.
        api_endpoint: Host of the API if it is not that of the region, such as a Private Service
            Connect endpoint.
    """

    project: str
    region: str
    model_id: str
    display_name: str = ""
    version_description: str = ""
    version_aliases: tuple[str, ...] = ()
    is_default_version: bool = True
    labels: Mapping[str, Any] = field(default_factory=dict)
    serving_container_image: str = ""
    serving_container: Mapping[str, Any] = field(default_factory=dict)
    endpoint: str = ""
    endpoint_spec: Mapping[str, Any] = field(default_factory=dict)
    machine_type: str = "n1-standard-4"
    accelerator_type: str = ""
    accelerator_count: int = 0
    min_replica_count: int = 1
    max_replica_count: int = 1
    traffic_percentage: int = 100
    undeploy_idle_models: bool = False
    service_account: str = ""
    encryption_key: str = ""
    timeout_seconds: int = 7200
    api_endpoint: str = ""

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        _check_name("region", self.region, _REGION, "a region such as 'europe-west1'")
        _check_name(
            "model_id",
            self.model_id,
            _MODEL_ID,
            "up to 63 lower-case letters, digits, '_' and '-' that start with a letter, or the "
            "number of a model that exists",
        )
        if self.endpoint:
            _check_name(
                "endpoint",
                self.endpoint,
                _ENDPOINT_ID,
                "up to 63 lower-case letters, digits and '-' that start with a letter, or the "
                "number of an endpoint that exists",
            )
        for alias in self.version_aliases:
            _check_name(
                "version_aliases",
                alias,
                _ALIAS,
                "names of letters, digits and '-' that start with a lower-case letter and end with "
                "one or a digit",
            )
        self._check_project()
        self._check_labels()
        self._check_deployment()
        self._check_api_endpoint()

    @property
    def aliases(self) -> tuple[str, ...]:
        """All aliases of the version."""
        return (*self.version_aliases, *([_DEFAULT_ALIAS] if self.is_default_version else []))

    @property
    def image(self) -> str:
        """The image that serves the model."""
        return self.serving_container_image or _PREBUILT_IMAGE.format(
            continent=_CONTINENTS.get(self.region.split("-", maxsplit=1)[0], "us"),
            device="gpu" if self.accelerator_type else "cpu",
        )

    @property
    def location(self) -> str:
        """Resource name of the location that contains models and endpoints."""
        return f"projects/{self.project}/locations/{self.region}"

    @property
    def host(self) -> str:
        """Host of the API."""
        return self.api_endpoint or f"{self.region}-aiplatform.googleapis.com"

    @property
    def emulator(self) -> str:
        """Host and port of an emulator of the API, or empty."""
        _, scheme, address = self.api_endpoint.partition("http://")
        return address.rstrip("/") if scheme else ""

    def _check_project(self) -> None:
        if not self.project or "/" in self.project:
            raise InputError(
                f"`project` is {self.project!r}, expected the ID of a Google Cloud "
                "project. Pass it as `gcloud config get project` prints it."
            )

    def _check_labels(self) -> None:
        for name, value in self.labels.items():
            if not isinstance(value, str):
                raise InputError(
                    f"label {name!r} of `labels` is {value!r}, expected a string. "
                    "Pass a dict of strings."
                )

    def _check_deployment(self) -> None:
        if not 0 <= self.traffic_percentage <= 100:
            raise InputError(
                f"`traffic_percentage` is {self.traffic_percentage}, expected 0 to "
                "100. Pass the share of requests that this version is to get."
            )
        if not 1 <= self.min_replica_count <= self.max_replica_count:
            raise InputError(
                f"`min_replica_count` is {self.min_replica_count} and "
                f"`max_replica_count` {self.max_replica_count}, expected 1 or more, and no less. "
                "Raise `max_replica_count` to let the endpoint grow."
            )
        if bool(self.accelerator_type) != (self.accelerator_count > 0):
            raise InputError(
                f"`accelerator_type` is {self.accelerator_type!r} and "
                f"`accelerator_count` {self.accelerator_count}, expected both or neither. "
                "Pass both, for example 'NVIDIA_L4' and 1."
            )
        if self.timeout_seconds < 1:
            raise InputError(
                f"`timeout_seconds` is {self.timeout_seconds}, expected 1 or more. "
                "Deploying takes some 20 minutes."
            )

    def _check_api_endpoint(self) -> None:
        host = urlsplit(self.api_endpoint).hostname
        if "://" in self.api_endpoint and (
            not self.api_endpoint.startswith("http://") or host not in _LOOPBACK
        ):
            raise InputError(
                f"`api_endpoint` is {self.api_endpoint!r}, expected a host without "
                "scheme, for example 'europe-west1-aiplatform.googleapis.com'. `http://`, which "
                "has neither encryption nor credentials, is for an emulator on this machine alone."
            )


def _check_name(parameter: str, value: str, pattern: re.Pattern[str], expected: str) -> None:
    if not pattern.fullmatch(value):
        raise InputError(f"`{parameter}` is {value!r}, expected {expected}. Correct it.")

"""Parameters of InfraValidator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError

_SERVERS = ("auto", "tensorflow_model_server", "embedded")

# TFX's defaults: `tfx/components/infra_validator/{executor,request_builder}.py`.
_MODEL_NAME = "infra-validation-model"
_NUM_TRIES = 5
_MAX_LOADING_SECONDS = 300
_NUM_EXAMPLES = 1

MAX_WARMUP_REQUESTS = 1000
"""TensorFlow Serving's limit, from `servables/tensorflow/saved_model_warmup_util.h`."""

_PLATFORMS = ("kubernetes", "local_docker", "tensorflow_serving")


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingSpec:
    """A `tfx.proto.ServingSpec`; its fields about starting a server are ignored."""

    model_name: str = ""
    tensorflow_serving: Mapping[str, Any] | None = None
    local_docker: Mapping[str, Any] | None = None
    kubernetes: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidationSpec:
    """A `tfx.proto.ValidationSpec`; 0 for the default."""

    max_loading_time_seconds: int = 0
    num_tries: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorFlowServingRequestSpec:
    """A `tfx.proto.TensorFlowServingRequestSpec`."""

    tag_set: tuple[str, ...] = ()
    signature_names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestSpec:
    """A `tfx.proto.RequestSpec`; without a field, no requests are made."""

    tensorflow_serving: TensorFlowServingRequestSpec | None = None
    split_name: str | None = None
    num_examples: int | None = None
    make_warmup: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class InfraValidatorParams:
    """Parameters that a pipeline author may set.

    Attributes:
        serving_spec: A tfx.proto.ServingSpec: `{"model_name": ...}`. The server is part of this
            task's image, so the fields for a server in Docker or Kubernetes are ignored.
        request_spec: A tfx.proto.RequestSpec: `{"tensorflow_serving": {"signature_names": [...],
            "tag_set": [...]}, "split_name": ..., "num_examples": ..., "make_warmup": ...}`. It
            needs `examples`. Without it the model is only loaded.
        validation_spec: A tfx.proto.ValidationSpec: `{"max_loading_time_seconds": ..., "num_tries":
            ...}`. By default 300 seconds and 5 tries.
        model_server: `tensorflow_model_server`: TensorFlow Serving's program. `embedded`: a server
            in Python with the same services. `auto`: the program if it is installed, else the
            server in Python.
    """

    serving_spec: ServingSpec = field(default_factory=ServingSpec)
    request_spec: RequestSpec = field(default_factory=RequestSpec)
    validation_spec: ValidationSpec = field(default_factory=ValidationSpec)
    model_server: str = "auto"

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        if self.model_server not in _SERVERS:
            raise InputError(
                f"`model_server` is {self.model_server!r}, expected one of "
                f"{list(_SERVERS)}. Leave it out to have the server that is there."
            )
        if not self.model_name.replace("-", "").replace("_", "").isalnum():
            raise InputError(
                f"`model_name` of `serving_spec` is {self.model_name!r}, expected "
                "letters, digits, '-' and '_'. Choose another name, or leave it out."
            )

    @property
    def model_name(self) -> str:
        """The model's name on the server."""
        return self.serving_spec.model_name or _MODEL_NAME

    @property
    def ignored(self) -> list[str]:
        """Fields of `serving_spec` about starting a server, which are ignored here."""
        return [name for name in _PLATFORMS if getattr(self.serving_spec, name) is not None]

    @property
    def num_tries(self) -> int:
        """The number of attempts, at least 1."""
        return self.validation_spec.num_tries or _NUM_TRIES

    @property
    def max_loading_seconds(self) -> int:
        """The maximum time for loading, and then for an answer, in seconds."""
        return self.validation_spec.max_loading_time_seconds or _MAX_LOADING_SECONDS

    @property
    def split_name(self) -> str:
        """The split that requests are made from; empty for the first."""
        return self.request_spec.split_name or ""

    @property
    def num_examples(self) -> int:
        """The number of rows to make requests from, at least 1."""
        return self.request_spec.num_examples or _NUM_EXAMPLES

    @property
    def makes_warmup(self) -> bool:
        """Whether to keep a copy of the model with its requests as warm-up."""
        return bool(self.request_spec.make_warmup)

    @property
    def signatures(self) -> tuple[str, ...]:
        """Names of the signatures to call; none for `serving_default`."""
        return self._serving_request.signature_names

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags of the model's graph; none for `serve`."""
        return self._serving_request.tag_set

    @property
    def has_requests(self) -> bool:
        """Whether the model gets requests, and is not only loaded."""
        return self.request_spec != RequestSpec()

    @property
    def _serving_request(self) -> TensorFlowServingRequestSpec:
        return self.request_spec.tensorflow_serving or TensorFlowServingRequestSpec()

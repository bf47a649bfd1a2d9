"""Parameters of InfraValidator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.protojson import fields

_COMPONENT = "infra_validator"
_SERVERS = ("auto", "tensorflow_model_server", "embedded")

# TFX's defaults: `tfx/components/infra_validator/{executor,request_builder}.py`.
_MODEL_NAME = "infra-validation-model"
_NUM_TRIES = 5
_MAX_LOADING_SECONDS = 300
_NUM_EXAMPLES = 1

MAX_WARMUP_REQUESTS = 1000
"""TensorFlow Serving loads no model with more: `servables/tensorflow/saved_model_warmup_util.h`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InfraValidatorParams:
    """Parameters that a pipeline author may set.

    Attributes:
        serving_spec: `{"model_name": ...}`, as tfx.proto.ServingSpec. The server is that of this
            task's image: what TFX starts in Docker or Kubernetes is named there in vain.
        request_spec: `{"tensorflow_serving": {"signature_names": [...], "tag_set": [...]},
            "split_name": ..., "num_examples": ..., "make_warmup": ...}`, as tfx.proto.RequestSpec;
            needs `examples`. Without it the model is only loaded.
        validation_spec: `{"max_loading_time_seconds": ..., "num_tries": ...}`, as
            tfx.proto.ValidationSpec; 300 seconds and 5 tries by default.
        model_server: `tensorflow_model_server`, TensorFlow Serving's binary; `embedded`, a server
            in Python with the same services; or `auto`, the binary where it is installed.
    """

    serving_spec: Mapping[str, Any] = field(default_factory=dict)
    request_spec: Mapping[str, Any] = field(default_factory=dict)
    validation_spec: Mapping[str, Any] = field(default_factory=dict)
    model_server: str = "auto"

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        self._validation()
        self._tensorflow_serving()
        if self.model_server not in _SERVERS:
            raise InputError(
                f"infra_validator: `model_server` is {self.model_server!r}, expected one of "
                f"{list(_SERVERS)}. Leave it out to have the server that is there."
            )
        if not self.model_name.replace("-", "").replace("_", "").isalnum():
            raise InputError(
                f"infra_validator: `model_name` of `serving_spec` is {self.model_name!r}, expected "
                "letters, digits, '-' and '_'. Choose another name, or leave it out."
            )

    @property
    def model_name(self) -> str:
        """The name under which the server has the model."""
        return str(self._serving().get("model_name") or _MODEL_NAME)

    @property
    def ignored(self) -> list[str]:
        """Fields of `serving_spec` that say how TFX starts a server, which is not done here."""
        return sorted(set(self._serving()) - {"model_name"})

    @property
    def num_tries(self) -> int:
        """How often to try before the model is given up, at least 1."""
        return int(self._validation().get("num_tries") or _NUM_TRIES)

    @property
    def max_loading_seconds(self) -> int:
        """How long loading, and then answering, may take."""
        return int(self._validation().get("max_loading_time_seconds") or _MAX_LOADING_SECONDS)

    @property
    def split_name(self) -> str:
        """The split to ask about; empty for the first."""
        return str(self._request().get("split_name", ""))

    @property
    def num_examples(self) -> int:
        """How many rows to ask about, at least 1."""
        return int(self._request().get("num_examples") or _NUM_EXAMPLES)

    @property
    def makes_warmup(self) -> bool:
        """Whether to keep a copy of the model with its requests as warm-up."""
        return bool(self._request().get("make_warmup", False))

    @property
    def signatures(self) -> tuple[str, ...]:
        """Names of the signatures to ask; none for `serving_default`."""
        return tuple(self._tensorflow_serving().get("signature_names", ()))

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags of the model's graph; none for `serve`."""
        return tuple(self._tensorflow_serving().get("tag_set", ()))

    def _serving(self) -> dict[str, Any]:
        platforms = ("tensorflow_serving", "local_docker", "kubernetes")
        known = {"model_name": str, **dict.fromkeys(platforms, dict)}
        return fields(_COMPONENT, "`serving_spec`", self.serving_spec, known)

    def _request(self) -> dict[str, Any]:
        known = {
            "tensorflow_serving": dict,
            "split_name": str,
            "num_examples": int,
            "make_warmup": bool,
        }
        return fields(_COMPONENT, "`request_spec`", self.request_spec, known)

    def _tensorflow_serving(self) -> dict[str, Any]:
        message = self._request().get("tensorflow_serving", {})
        known = {"tag_set": list, "signature_names": list}
        return fields(_COMPONENT, "`tensorflow_serving`", message, known)

    def _validation(self) -> dict[str, Any]:
        known = {"max_loading_time_seconds": int, "num_tries": int}
        return fields(_COMPONENT, "`validation_spec`", self.validation_spec, known)

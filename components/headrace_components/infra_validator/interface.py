"""What InfraValidator looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Examples, InfraBlessing, Model
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def infra_validator(
    model: dsl.Input[Model],
    blessing: dsl.Output[InfraBlessing],
    examples: dsl.Input[Examples] = None,
    serving_spec: dict = {},
    request_spec: dict = {},
    validation_spec: dict = {},
    model_server: str = "auto",
) -> dsl.ContainerSpec:
    """Loads a model into a server, asks it about some examples, and blesses a model that answers.

    Args:
        model: The model, a SavedModel.
        blessing: Whether the server loaded the model and answered; a pusher reads it. With
            `make_warmup` also the model with its warm-up requests, which a pusher can push.
        examples: Rows to ask about, of the kind that the model's signatures parse.
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
    return dsl.ContainerSpec(
        image=image("infra_validator"),
        command=["python", "-m", "headrace_components.infra_validator"],
        args=["--executor_input", "{{$}}"],
    )

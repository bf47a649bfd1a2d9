"""What LatestBlessedModel looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Model, ModelBlessing
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def latest_blessed_model(
    model: dsl.Output[Model],
    model_blessing: dsl.Output[ModelBlessing],
    search_root: str = "",
) -> dsl.ContainerSpec:
    """Finds the newest model that an evaluator of this pipeline blessed.

    Args:
        model: The model found; empty, with metadata `found` 0, when there is none yet.
        model_blessing: Its blessing.
        search_root: Directory or URI to search instead of this pipeline's root.
    """
    return dsl.ContainerSpec(
        image=image("latest_blessed_model"),
        command=["python", "-m", "headrace_components.latest_blessed_model"],
        args=["--executor_input", "{{$}}"],
    )

"""What Pusher looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import InfraBlessing, Model, ModelBlessing, PushedModel
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def pusher(
    pushed_model: dsl.Output[PushedModel],
    model: dsl.Input[Model] = None,
    model_blessing: dsl.Input[ModelBlessing] = None,
    infra_blessing: dsl.Input[InfraBlessing] = None,
    push_destination: dict = {},
    base_directory: str = "",
) -> dsl.ContainerSpec:
    """Copies a blessed model into a versioned directory that TensorFlow Serving can watch.

    Args:
        pushed_model: A copy of what was pushed; empty where it was not.
        model: The model to push.
        model_blessing: The evaluator's verdict; a model that is not blessed is not pushed.
        infra_blessing: The infra validator's verdict; likewise.
        push_destination: `{"filesystem": {"base_directory": ...}}`, as tfx.proto.PushDestination.
        base_directory: The same directory as a parameter of its own.
    """
    return dsl.ContainerSpec(
        image=image("pusher"),
        command=["python", "-m", "headrace_components.pusher"],
        args=["--executor_input", "{{$}}"],
    )

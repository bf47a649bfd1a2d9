"""What TfjsConverter looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Model, ModelBlessing
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def tfjs_converter(
    model: dsl.Input[Model],
    converted_model: dsl.Output[Model],
    model_blessing: dsl.Input[ModelBlessing] = None,
    signature_name: str = "serving_default",
    quantization: str = "none",
    quantized_weights: list = [],
    weight_shard_size_bytes: int = 4194304,
    use_structured_outputs_names: bool = False,
    control_flow_v2: bool = False,
    strip_debug_ops: bool = True,
    skip_op_check: bool = False,
) -> dsl.ContainerSpec:
    """Converts a SavedModel into a graph model of TensorFlow.js, for browsers and Node.js.

    Args:
        model: The model, a SavedModel.
        converted_model: `Format-Serving/model.json` and the weights beside it; empty for a model
            that is not blessed.
        model_blessing: The evaluator's verdict; a model that is not blessed is not converted.
        signature_name: The signature to convert. It takes tensors: TensorFlow.js cannot parse
            tf.Examples.
        quantization: How weights of type float32 are stored: `none`, as they are; `float16`, half
            the size; `uint16` or `uint8`, half or a quarter, as steps between smallest and largest.
        quantized_weights: Which weights, by the names in `model.json`, with `*` for any
            characters; all by default.
        weight_shard_size_bytes: Size of a file of weights, at most; 4 MiB by default, which
            browsers cache.
        use_structured_outputs_names: Has `predict` return outputs by name, even if it is one.
        control_flow_v2: Keeps branches and loops as functions, which run faster.
        strip_debug_ops: Leaves out `Assert`, `CheckNumerics` and `Print`.
        skip_op_check: Converts operations that TensorFlow.js lacks, for a program that registers
            them itself.
    """
    return dsl.ContainerSpec(
        image=image("tfjs_converter"),
        command=["python", "-m", "headrace_components.tfjs_converter"],
        args=["--executor_input", "{{$}}"],
    )

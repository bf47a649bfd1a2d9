"""What TFLiteConverter looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Examples, Model, ModelBlessing
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def tflite_converter(
    model: dsl.Input[Model],
    converted_model: dsl.Output[Model],
    blessing: dsl.Output[ModelBlessing],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    examples: dsl.Input[Examples] = None,
    model_blessing: dsl.Input[ModelBlessing] = None,
    signature_name: str = "serving_default",
    quantization: str = "none",
    integer_io: bool = False,
    select_tf_ops: bool = False,
    input_features: dict = {},
    representative_split: str = "train",
    num_representative_rows: int = 200,
    example_splits: list = [],
    num_check_rows: int = 10_000,
    max_relative_difference: float = 0.1,
    min_agreement: float = 0.95,
    label_key: str = "",
    prediction_key: str = "",
    max_metric_loss: dict = {},
) -> dsl.ContainerSpec:
    """Converts a SavedModel to TF Lite, and blesses it where it answers as the SavedModel does.

    Both answer the same examples, the TF Lite model in TF Lite's own interpreter, a row at a time
    as devices do. Connect `blessing` to the `model_blessing` of `pusher`, and a model that
    quantization has spoilt is not pushed. Without `examples` nothing is compared or blessed.

    Args:
        model: The model, a SavedModel.
        converted_model: `Format-Serving/model.tflite`, beside it `signature.json`, which says how
            to call it, and the SavedModel's `assets/`.
        blessing: `BLESSED` where the comparison keeps all limits, `NOT_BLESSED` otherwise.
        report: A page with the verdict, the sizes and how the answers differ.
        metrics: Sizes, differences and metrics of both models, for the UI to compare runs by.
        examples: Rows to compare on, and to calibrate integers with. Transformed examples where the
            signature takes transformed features.
        model_blessing: The evaluator's verdict; a model that is not blessed is not converted.
        signature_name: The signature to convert. It takes dense tensors by name, not serialized
            examples, which TF Lite cannot parse.
        quantization: `none`; `dynamic_range`, weights of 8 bits; `float16`, weights of 16 bits;
            `int8`, weights and activations of 8 bits; `int16x8`, activations of 16 bits and weights
            of 8. The last two read `examples`.
        integer_io: With `int8` or `int16x8`: inputs and outputs are integers too, and an operation
            without an integer form is an error; otherwise it stays in floats.
        select_tf_ops: Allows operations that only TensorFlow's own kernels run, among them parsing
            examples. The device then needs the Flex delegate, and so does the comparison: that of
            TensorFlow 2.16 has it, that of 2.21 has not and blesses nothing.
        input_features: The feature of the examples that each input of the signature is, or a list
            of features to put one after the other; an input left out is the feature of its name.
        representative_split: The split that integers are calibrated with.
        num_representative_rows: How many of its rows, from the first.
        example_splits: Names of the splits to compare on; empty takes `eval`.
        num_check_rows: The most rows of each to compare, from the first; 0 takes all.
        max_relative_difference: How far answers may differ: root mean square of the differences of
            an output, divided by the standard deviation of the SavedModel's answers.
        min_agreement: Share of rows in which the largest value of an output with several is at the
            same place, and in which an output of integers or strings is the same.
        label_key: Feature with the label, a number; adds metrics of both models.
        prediction_key: The output that metrics are of; may be empty where the signature has one.
        max_metric_loss: How much worse a metric may become, by its name and in its unit, as
            `{"AUC": 0.005}`: `SparseCategoricalAccuracy`, `BinaryAccuracy`, `AUC`,
            `MeanSquaredError` or `MeanAbsoluteError`.
    """
    return dsl.ContainerSpec(
        image=image("tflite_converter"),
        command=["python", "-m", "headrace_components.tflite_converter"],
        args=["--executor_input", "{{$}}"],
    )

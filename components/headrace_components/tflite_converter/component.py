"""Converts a SavedModel to TF Lite, and blesses it if its answers agree with the SavedModel's.

Both models get the same examples. The TF Lite model runs in TF Lite's own interpreter, one row
at a time as on devices. Connect `blessing` to the `model_blessing` of `pusher`: then a model
that quantization has damaged is not pushed. Without `examples` nothing is compared or blessed.
"""

from headrace_components.contract.artifact_types import (
    EXAMPLES,
    HTML,
    METRICS,
    MODEL,
    MODEL_BLESSING,
)
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import EarlyChecks, SplitNeed
from headrace_components.tflite_converter.params import TFLiteConverterParams


def splits_read(params: TFLiteConverterParams) -> list[SplitNeed]:
    """Returns the splits to compare on, and the split to calibrate integers with."""
    needs = [SplitNeed(port="examples", parameter="example_splits", names=params.splits)]
    if params.is_calibrated:
        names = [params.representative_split]
        needs.append(SplitNeed(port="examples", parameter="representative_split", names=names))
    return needs


COMPONENT = Component(
    name="tflite_converter",
    doc=__doc__,
    inputs={
        "model": Input(MODEL, "The model, a SavedModel."),
        "examples": Input(
            EXAMPLES,
            """Rows for the comparison, and for the calibration of integers. Use transformed
            examples if the signature takes transformed features.""",
            optional=True,
        ),
        "model_blessing": Input(
            MODEL_BLESSING,
            "The evaluator's verdict; a model that is not blessed is not converted.",
            optional=True,
        ),
    },
    outputs={
        "converted_model": Output(
            MODEL,
            """`Format-Serving/model.tflite`, the SavedModel's `assets/`, and
            `signature.json`, which describes how to call the model.""",
        ),
        "blessing": Output(
            MODEL_BLESSING,
            "`BLESSED` if the comparison keeps all limits, else `NOT_BLESSED`.",
        ),
        "report": Output(
            HTML, "A page with the verdict, the sizes and the differences between the answers."
        ),
        "metrics": Output(
            METRICS, "Sizes, differences and metrics of both models, for comparing runs in the UI."
        ),
    },
    parameters=TFLiteConverterParams,
    checks=EarlyChecks(splits_read=splits_read),
    footprint="statistics",
    logs_notices=True,
)

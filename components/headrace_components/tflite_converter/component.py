"""Converts a SavedModel to TF Lite, and blesses it if its answers agree with the SavedModel's.

Both answer the same examples; the TF Lite model runs in TF Lite's own interpreter, one row at a
time as on devices. Connect `blessing` to the `model_blessing` of `pusher`: then a model that
quantization has damaged is not pushed. Without `examples` nothing is compared or blessed.
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
            """Rows to compare on, and to calibrate integers with. Transformed examples where the
            signature takes transformed features.""",
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
            """`Format-Serving/model.tflite`, beside it `signature.json`, which says how
            to call it, and the SavedModel's `assets/`.""",
        ),
        "blessing": Output(
            MODEL_BLESSING,
            "`BLESSED` where the comparison keeps all limits, `NOT_BLESSED` otherwise.",
        ),
        "report": Output(HTML, "A page with the verdict, the sizes and how the answers differ."),
        "metrics": Output(
            METRICS, "Sizes, differences and metrics of both models, for the UI to compare runs by."
        ),
    },
    parameters=TFLiteConverterParams,
    checks=EarlyChecks(splits_read=splits_read),
    footprint="statistics",
    logs_notices=True,
)

"""Predicts every row with a model; writes prediction logs, or examples with more columns."""

from headrace_components.bulk_inferrer.params import BulkInferrerParams
from headrace_components.contract.artifact_types import (
    EXAMPLES,
    INFERENCE_RESULT,
    MODEL,
    MODEL_BLESSING,
)
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import EarlyChecks, SplitNeed


def splits_read(params: BulkInferrerParams) -> list[SplitNeed]:
    """Returns the splits to predict."""
    name = "example_splits` of `data_spec"
    return [SplitNeed(port="examples", parameter=name, names=params.splits)]


COMPONENT = Component(
    name="bulk_inferrer",
    doc=__doc__,
    inputs={
        "examples": Input(
            EXAMPLES, "Rows to predict, in the format that the model's signature parses."
        ),
        "model": Input(MODEL, "The model, a SavedModel."),
        "model_blessing": Input(
            MODEL_BLESSING,
            """The evaluator's verdict; for a model that is not blessed, nothing is
            predicted.""",
            optional=True,
        ),
    },
    outputs={
        "inference_result": Output(
            INFERENCE_RESULT, "Prediction logs; empty if `output_example_spec` is given."
        ),
        "output_examples": Output(
            EXAMPLES,
            """The examples with the predictions as columns; empty unless
            `output_example_spec` is given.""",
        ),
    },
    parameters=BulkInferrerParams,
    execution_type="tfx.components.bulk_inferrer.component.BulkInferrer",
    variants=("cuda",),
    checks=EarlyChecks(splits_read=splits_read),
    footprint="training",
    logs_notices=True,
)

"""Converts a SavedModel into a graph model of TensorFlow.js, for browsers and Node.js."""

from headrace_components.contract.artifact_types import MODEL, MODEL_BLESSING
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.tfjs_converter.params import TfjsConverterParams

COMPONENT = Component(
    name="tfjs_converter",
    doc=__doc__,
    inputs={
        "model": Input(MODEL, "The model, a SavedModel."),
        "model_blessing": Input(
            MODEL_BLESSING,
            "The evaluator's verdict; a model that is not blessed is not converted.",
            optional=True,
        ),
    },
    outputs={
        "converted_model": Output(
            MODEL,
            """`Format-Serving/model.json` and the weights beside it; empty if the model
            is not blessed.""",
        ),
    },
    parameters=TfjsConverterParams,
    isolated=True,
    footprint="statistics",
    logs_notices=True,
)

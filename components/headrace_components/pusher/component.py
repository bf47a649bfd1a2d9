"""Copies a blessed model into a versioned directory that TensorFlow Serving can watch."""

from headrace_components.contract.artifact_types import (
    INFRA_BLESSING,
    MODEL,
    MODEL_BLESSING,
    PUSHED_MODEL,
)
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import CacheHooks
from headrace_components.pusher.newest import still_holds
from headrace_components.pusher.params import PusherParams

COMPONENT = Component(
    name="pusher",
    doc=__doc__,
    inputs={
        "model": Input(MODEL, "The model to push.", optional=True),
        "model_blessing": Input(
            MODEL_BLESSING,
            "The evaluator's verdict; a model that is not blessed is not pushed.",
            optional=True,
        ),
        "infra_blessing": Input(
            INFRA_BLESSING,
            "The infra validator's verdict; a model that is not blessed is not pushed.",
            optional=True,
        ),
    },
    outputs={
        "pushed_model": Output(
            PUSHED_MODEL, "A copy of the pushed model; empty if nothing was pushed."
        ),
    },
    parameters=PusherParams,
    execution_type="tfx.components.pusher.component.Pusher",
    execution_base="DEPLOY",
    cache=CacheHooks(still_holds=still_holds),
    logs_notices=True,
)

"""Deploys a blessed model to KServe or TensorFlow Serving on Kubernetes, and waits for it."""

from headrace_components.contract.artifact_types import (
    INFRA_BLESSING,
    MODEL,
    MODEL_BLESSING,
    PUSHED_MODEL,
)
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import CacheHooks, unknown_before_the_run
from headrace_components.kubernetes_pusher.params import KubernetesPusherParams

COMPONENT = Component(
    name="kubernetes_pusher",
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
            PUSHED_MODEL,
            """A copy of the pushed model; empty if nothing was pushed. Its metadata has
            the location that the server reads as `pushed_destination`, the version as
            `pushed_version`, and the server's address as `url`.""",
        ),
    },
    parameters=KubernetesPusherParams,
    execution_base="DEPLOY",
    # Only the run can see what the cluster serves, and it does not roll out a model twice.
    cache=CacheHooks(external_state=unknown_before_the_run),
    logs_notices=True,
)

"""Uploads a blessed model as a version to Vertex AI's Model Registry, and can deploy it."""

from headrace_components.contract.artifact_types import (
    INFRA_BLESSING,
    MODEL,
    MODEL_BLESSING,
    PUSHED_MODEL,
)
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import CacheHooks, unknown_before_the_run
from headrace_components.vertex_pusher.params import VertexPusherParams

COMPONENT = Component(
    name="vertex_pusher",
    doc=__doc__,
    inputs={
        "model": Input(MODEL, "The model to push, at a `gs://` URI.", optional=True),
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
            the resource name of the model as `pushed_destination`, the ID of the version as
            `pushed_version`, and the resource name of the endpoint as `endpoint`.""",
        ),
        "gcp_resources": Output(
            str,
            """The model, and the endpoint if there is one, in the JSON form of the
            message `GcpResources` of google-cloud-pipeline-components.""",
        ),
    },
    parameters=VertexPusherParams,
    execution_type="tfx.extensions.google_cloud_ai_platform.pusher.component.Pusher",
    execution_base="DEPLOY",
    # Only the run can see what Vertex AI has, and it does not upload a model twice.
    cache=CacheHooks(external_state=unknown_before_the_run),
    logs_notices=True,
)

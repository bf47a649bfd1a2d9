"""Uploads a blessed model as a version to Vertex AI's Model Registry, and deploys it.

TensorFlow is neither needed nor in the image.
"""

import json
from collections.abc import Sequence

from headrace_components.contract.errors import InputError
from headrace_components.contract.notices import announce
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.pushing.source import copy_model, push_source, refusal
from headrace_components.vertex_pusher.api import VertexApi
from headrace_components.vertex_pusher.deployment import Deployment
from headrace_components.vertex_pusher.params import VertexPusherParams
from headrace_components.vertex_pusher.registry import Registry


def execute(task: Task) -> None:
    """Pushes the model if it is blessed; fills `pushed_model` with a copy and its location."""
    params = read(VertexPusherParams, task.params, task.component)
    pushed = task.output("pushed_model")
    if refused := refusal(task):
        pushed.metadata.update(refused)
        _publish_resources(task, params, ())
        return
    source = push_source(task)
    if not source.uri.startswith("gs://"):
        raise InputError(
            f"the model is at {source.uri}, but Vertex AI reads models from Cloud "
            "Storage alone, expected a gs:// URI. Give the pipeline a `pipeline_root` in a bucket."
        )
    api = VertexApi(params)
    deployment = Deployment(api, params) if params.endpoint else None
    registry = Registry(api, params, source)
    copy_model(source.path, pushed.path)
    model = registry.version()
    name = model.name.partition("@")[0]
    announce("vertex_pusher: version %s of %s.", model.version_id, name)
    pushed.metadata.update(pushed=1, pushed_destination=name, pushed_version=model.version_id)
    resources = [("Model", f"{name}@{model.version_id}")]
    if deployment is not None:
        deployment.deploy(model)
        pushed.metadata["endpoint"] = deployment.name
        resources.append(("Endpoint", deployment.name))
    _publish_resources(task, params, resources)


def _publish_resources(
    task: Task, params: VertexPusherParams, resources: Sequence[tuple[str, str]]
) -> None:
    host = params.host if "://" in params.host else f"https://{params.host}"
    task.output_parameters["gcp_resources"] = json.dumps(
        {
            "resources": [
                {"resourceType": kind, "resourceUri": f"{host}/v1/{name}"}
                for kind, name in resources
            ]
        }
    )

"""What kfp's components of ours have in common: the container, its ports, and given values."""

import inspect
from collections.abc import Callable
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from kfp import dsl
from kfp.dsl.container_component_class import ContainerComponent
from kfp.dsl.pipeline_task import PipelineTask

from headrace_components import artifacts
from headrace_components.contract.image_names import image

CLASSES: dict[str, Any] = {
    each.schema_title: each
    for each in (
        *artifacts.ARTIFACT_TYPES,
        dsl.Artifact,
        dsl.HTML,
        dsl.Metrics,
        dsl.ClassificationMetrics,
    )
}
"""kfp's class of each artifact type, by its title in pipeline files."""


def our_container(
    component: str, name: str, doc: str, ports: list[inspect.Parameter]
) -> ContainerComponent:
    """Returns kfp's component that runs one of ours.

    Args:
        component: Our component, whose image it has.
        name: Its name in pipelines.
        doc: Its docstring, from which kfp reads descriptions.
        ports: Its inputs, outputs and parameters.
    """

    def container(*_: Any) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(
            image=image(component),
            command=["python", "-m", f"headrace_components.{component}"],
            args=["--executor_input", "{{$}}"],
        )

    return component_of(container, name, doc, ports)


def component_of(
    container: Callable[..., dsl.ContainerSpec], name: str, doc: str, ports: list[inspect.Parameter]
) -> ContainerComponent:
    """Returns kfp's component of a function, which kfp calls with its placeholders in this order.

    Args:
        container: Returns the container.
        name: Its name in pipelines.
        doc: Its docstring, from which kfp reads descriptions.
        ports: Its inputs, outputs and parameters.
    """
    container.__name__ = name
    container.__doc__ = doc
    container.__signature__ = inspect.Signature(ports)  # type: ignore[attr-defined]
    return dsl.container_component(container)


def port(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    """Returns a port of a component, which is given by name."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, annotation=annotation, default=default)


def plain(value: Any) -> Any:
    """Returns `value` with JSON data in place of proto messages."""
    if isinstance(value, Message):
        return MessageToDict(value, preserving_proto_field_name=True)
    # Exact types: kfp's own classes for future values must stay unchanged.
    if type(value) is dict:
        return {key: plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(plain(item) for item in value)
    return value


def with_omitted(task: PipelineTask) -> PipelineTask:
    """Returns `task`, after `ignore_upstream_failure` can be called on it.

    kfp looks up all arguments there, and raises a KeyError at one that the author left out.
    """
    task._inputs = _Arguments(task._inputs)
    return task


class _Arguments(dict[str, Any]):
    def __missing__(self, name: str) -> None:
        return None

"""Makes the components that pipeline files import: kfp's, which take proto messages, too."""

from collections.abc import Callable
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from kfp import dsl
from kfp.dsl.container_component_class import ContainerComponent
from kfp.dsl.pipeline_task import PipelineTask


def component(function: Callable[..., dsl.ContainerSpec]) -> ContainerComponent:
    """Decorates the declaration of a component, as `kfp.dsl.container_component` does.

    A parameter of type dict may also be given a proto message, `tfma.EvalConfig(...)` or
    `tfx.proto.Output(...)`, alone or within a dict or list. The pipeline then has the message's
    JSON form, with the field names of the proto file.
    """
    made = dsl.container_component(function)
    return _Component(made.component_spec, made.pipeline_func)


class _Component(ContainerComponent):  # type: ignore[misc]  # kfp has no types
    def __call__(self, *args: Any, **kwargs: Any) -> PipelineTask:
        return super().__call__(*args, **{name: _plain(value) for name, value in kwargs.items()})


def _plain(value: Any) -> Any:
    """Returns `value` with JSON data in place of proto messages."""
    if isinstance(value, Message):
        return MessageToDict(value, preserving_proto_field_name=True)
    # Exact types: kfp's own classes that stand for values to come are left as they are.
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_plain(item) for item in value)
    return value

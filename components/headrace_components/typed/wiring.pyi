"""Values and artifacts on their way from task to task.

A type checker finds the type of an artifact in `channel_type`, which is a text at runtime. The
outputs of kfp's own components have no type that it could find, so they fit every input.
"""

from typing import Any, Generic, Protocol, TypeVar

from headrace_components.typed.kfp import PipelineArtifactChannel

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)

class Output(PipelineArtifactChannel, Generic[_T]):
    """An artifact that a task will make, for the input of another."""

    channel_type: _T

class Input(Protocol[_T_co]):
    """Takes an artifact of a type, from the outputs of another task or from `dsl.importer`."""

    @property
    def channel_type(self) -> _T_co | str | dict[Any, Any]: ...

class Value(Protocol):
    """A value that only a run has: an output of a task, an item of a loop."""

    @property
    def channel_type(self) -> str | dict[Any, Any]: ...

class Message(Protocol):
    """A message of protobuf, such as `tfma.EvalConfig`."""

    def SerializeToString(self) -> bytes: ...  # noqa: N802  protobuf's name

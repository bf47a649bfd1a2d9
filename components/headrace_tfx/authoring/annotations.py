"""The annotations of arguments of a `@component` function, in TFX's form."""

import inspect
import typing
from typing import Any, ClassVar, Generic, TypeVar

from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.authoring.function_types import is_json_type
from headrace_tfx.authoring.proto_types import is_message_type

T = TypeVar("T")


class _Indexed(type):
    """Makes `Annotation[T]` an object of the class, and not a generic alias."""

    def __getitem__(cls, parameter: Any) -> Any:
        return cls.of(parameter)  # type: ignore[attr-defined]


class _Annotation(metaclass=_Indexed):
    """An annotation with the type that stands in its brackets.

    Attributes:
        type: The type.

    Raises:
        ValueError: It is called, or has another type in its brackets than it takes.
    """

    _EXPECTED: ClassVar[str]

    type: Any

    def __init__(self, *_: Any) -> None:
        raise ValueError(
            f"{type(self).__name__} was called, expected brackets: {type(self).__name__}[T], where "
            f"T is {self._EXPECTED}."
        )

    def __repr__(self) -> str:
        name = self.type.__name__ if inspect.isclass(self.type) else str(self.type)
        return f"{type(self).__name__}[{name}]"

    @classmethod
    def of(cls, parameter: Any) -> "_Annotation":
        """Returns the annotation with a type."""
        if not cls._takes(parameter):
            raise ValueError(f"{cls.__name__}[{parameter!r}]: expected {cls._EXPECTED}.")
        made = object.__new__(cls)
        made.type = parameter
        return made

    @classmethod
    def _takes(cls, parameter: Any) -> bool:
        raise NotImplementedError


def _is_artifact_class(parameter: Any) -> bool:
    return (
        inspect.isclass(parameter)
        and typing.get_origin(parameter) is None
        and issubclass(parameter, Artifact)
        and bool(parameter.TYPE_NAME)
    )


class InputArtifact(_Annotation):
    """The artifact of an input; `InputArtifact[List[T]]` is a list of them."""

    _EXPECTED = "a class of artifacts with a TYPE_NAME, or a List of one"

    @classmethod
    def _takes(cls, parameter: Any) -> bool:
        if typing.get_origin(parameter) is list:
            (parameter,) = typing.get_args(parameter) or (None,)
        return _is_artifact_class(parameter)


class OutputArtifact(_Annotation):
    """The artifact of an output, whose directory is there to be written to."""

    _EXPECTED = "a class of artifacts with a TYPE_NAME"

    @classmethod
    def _takes(cls, parameter: Any) -> bool:
        return _is_artifact_class(parameter)


class AsyncOutputArtifact(Generic[T]):
    """An output that comes while the task still runs: `component` refuses it."""


class Parameter(_Annotation):
    """A parameter, which has a value before the run."""

    _EXPECTED = (
        "int, float, str, bool, a class of messages, or a JSON type such as Dict[str, T] or List[T]"
    )

    @classmethod
    def _takes(cls, parameter: Any) -> bool:
        return (
            parameter in (int, float, str, bool)
            or is_message_type(parameter)
            or is_json_type(parameter)
        )


class BeamComponentParameter(_Annotation):
    """The pipeline of Beam, which the task makes with the options of the component."""

    _EXPECTED = "beam.Pipeline"

    @classmethod
    def _takes(cls, parameter: Any) -> bool:
        # By name: a pipeline file without Beam need not import it.
        return inspect.isclass(parameter) and "Pipeline" in [
            each.__name__ for each in parameter.__mro__ if each.__module__.startswith("apache_beam")
        ]


class OutputDict:
    """The values that a function returns: `OutputDict(accuracy=float)`. TFX prefers a TypedDict."""

    def __init__(self, **kwargs: Any) -> None:
        self.kwargs = kwargs

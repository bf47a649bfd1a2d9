"""What the annotations of a `@component` function say of its ports."""

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.authoring.annotations import (
    AsyncOutputArtifact,
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    OutputDict,
    Parameter,
)
from headrace_tfx.authoring.function_types import is_json_type, value_type, without_none

Kind = Literal["artifact", "artifacts", "output", "value", "parameter", "beam"]
"""What the function gets for an argument: an input artifact, a list of them, an output artifact,
the value of an input, a parameter, or a pipeline of Beam."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionSignature:
    """The ports of a function.

    Attributes:
        name: Name of the function.
        kinds: What it gets, by argument.
        inputs: Classes of artifacts by input.
        outputs: Classes of artifacts by output, those of returned values among them.
        parameters: Types by parameter.
        defaults: Defaults by argument.
        returned: Type hints by returned value.
    """

    name: str
    kinds: dict[str, Kind] = field(default_factory=dict)
    inputs: dict[str, type[Artifact]] = field(default_factory=dict)
    outputs: dict[str, type[Artifact]] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    returned: dict[str, Any] = field(default_factory=dict)


def signature_of(function: Any) -> FunctionSignature:
    """Returns the ports of a function.

    Raises:
        ValueError: It is no function, or an annotation, a default or its place is none that a
            component can have. The message names the function and the argument.
    """
    if not isinstance(function, types.FunctionType):
        raise ValueError(f"@component got {function!r}, expected a function.")
    name = function.__name__
    if "<locals>" in function.__qualname__.split("."):
        raise ValueError(
            f"@component {function.__qualname__} is defined within a function, expected the top "
            "level of a module, where a task can find it. Move it there."
        )
    spec = inspect.getfullargspec(function)
    if spec.varargs or spec.varkw:
        raise ValueError(
            f"@component {name} has *args or **kwargs, expected named arguments with annotations."
        )
    # As they stand in the file: `Annotated` and forward references mean nothing to TFX either.
    hints = dict(function.__annotations__)
    found = FunctionSignature(name=name, defaults=_defaults(spec))
    for argument in [*spec.args, *spec.kwonlyargs]:
        if argument not in hints:
            raise ValueError(
                f"@component {name}: the argument `{argument}` has no annotation. Annotate it, "
                f"as in `{argument}: InputArtifact[standard_artifacts.Examples]` or "
                f"`{argument}: Parameter[int]`."
            )
        _take(found, argument, hints[argument])
    _take_returned(found, hints.get("return"))
    return found


def _defaults(spec: inspect.FullArgSpec) -> dict[str, Any]:
    values = spec.defaults or ()
    positional = dict(zip(spec.args[len(spec.args) - len(values) :], values, strict=True))
    return {**positional, **(spec.kwonlydefaults or {})}


def _take(found: FunctionSignature, argument: str, hint: Any) -> None:
    where = f"@component {found.name}: the argument `{argument}`"
    if isinstance(hint, str):
        raise ValueError(
            f"{where} has the annotation {hint!r}, a text. Remove `from __future__ import "
            "annotations` from the file, and the quotation marks around the annotation."
        )
    if hint is AsyncOutputArtifact or typing.get_origin(hint) is AsyncOutputArtifact:
        raise ValueError(
            f"{where} is an AsyncOutputArtifact, which comes while the task still runs. No backend "
            "runs that: expected OutputArtifact."
        )
    default = found.defaults.get(argument)
    if isinstance(hint, InputArtifact):
        _check_default(where, "InputArtifact", default, is_good=default is None)
        is_list = typing.get_origin(hint.type) is list
        found.inputs[argument] = typing.get_args(hint.type)[0] if is_list else hint.type
        found.kinds[argument] = "artifacts" if is_list else "artifact"
    elif isinstance(hint, OutputArtifact):
        if argument in found.defaults:
            raise ValueError(f"{where} is an OutputArtifact with a default. Remove the default.")
        found.outputs[argument] = hint.type
        found.kinds[argument] = "output"
    elif isinstance(hint, Parameter):
        plain = typing.get_origin(hint.type) or hint.type
        is_good = default is None or not inspect.isclass(plain) or isinstance(default, plain)
        _check_default(where, repr(hint), default, is_good=is_good)
        found.parameters[argument] = hint.type
        found.kinds[argument] = "parameter"
    elif isinstance(hint, BeamComponentParameter):
        _check_default(where, "BeamComponentParameter", default, is_good=default is None)
        found.kinds[argument] = "beam"
    else:
        _take_value(found, argument, hint, where)


def _take_value(found: FunctionSignature, argument: str, hint: Any, where: str) -> None:
    carried = value_type(hint)
    if carried is None:
        if inspect.isclass(hint) and issubclass(hint, Artifact):
            raise ValueError(
                f"{where} has the annotation {hint.__name__}, expected "
                f"InputArtifact[{hint.__name__}] or OutputArtifact[{hint.__name__}]."
            )
        raise ValueError(
            f"{where} has the annotation {hint!r}, expected InputArtifact[T], OutputArtifact[T], "
            "Parameter[T], or int, float, str, bytes, bool, Dict[str, T] or List[T] for the value "
            "of another component's output."
        )
    default = found.defaults.get(argument)
    plain, _ = without_none(hint)
    is_good = default is None or not inspect.isclass(plain) or isinstance(default, plain)
    _check_default(where, str(hint), default, is_good=is_good)
    found.inputs[argument] = carried
    found.kinds[argument] = "value"


def _check_default(where: str, annotation: str, default: Any, *, is_good: bool) -> None:
    if not is_good:
        raise ValueError(
            f"{where} is of type {annotation} with the default {default!r}, expected None or a "
            "value of the declared type; inputs that are artifacts have None alone."
        )


def _take_returned(found: FunctionSignature, hint: Any) -> None:
    where = f"@component {found.name}"
    if hint is None:
        return
    if isinstance(hint, str):
        raise ValueError(
            f"{where}: its return type is {hint!r}, a text. Remove `from __future__ import "
            "annotations` from the file, and the quotation marks around the type."
        )
    if typing.is_typeddict(hint):
        returned: Mapping[str, Any] = typing.get_type_hints(hint)
    elif isinstance(hint, OutputDict):
        returned = hint.kwargs
    else:
        raise ValueError(
            f"{where}: its return type is {hint!r}, expected a TypedDict or OutputDict with the "
            "names and types of the returned values, or None."
        )
    for key, value_hint in returned.items():
        is_artifact = inspect.isclass(value_hint) and issubclass(value_hint, Artifact)
        if is_artifact or isinstance(value_hint, OutputArtifact):
            raise ValueError(
                f"{where} returns the artifact `{key}`, expected an argument instead: "
                f"`{key}: OutputArtifact[T]`."
            )
        carried = value_type(value_hint)
        if carried is None:
            raise ValueError(
                f"{where} returns `{key}` of type {value_hint!r}, expected int, float, str, bytes, "
                "bool, Dict[str, T], List[T], or Optional of one of these."
            )
        if key in found.kinds:
            raise ValueError(
                f"{where} has an argument and a returned value called `{key}`. Rename one of them."
            )
        found.outputs[key] = carried
        found.returned[key] = value_hint


def is_optional(hint: Any) -> bool:
    """Returns whether None is a value of a type hint."""
    return type(None) in typing.get_args(hint)


def json_hints(signature: FunctionSignature, function: Callable[..., Any]) -> dict[str, Any]:
    """Returns the type hints of inputs and outputs that carry JSON values."""
    hints = {**function.__annotations__, **signature.returned}
    ports = {**signature.inputs, **signature.outputs}
    return {name: hints[name] for name in ports if name in hints and is_json_type(hints[name])}

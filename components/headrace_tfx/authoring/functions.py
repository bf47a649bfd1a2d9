"""`@component`: a component of a function whose annotations say what its arguments are."""

import functools
from collections.abc import Callable
from typing import Any, ClassVar

from headrace_tfx.authoring.executor_specs import BeamExecutorSpec, ExecutorClassSpec
from headrace_tfx.authoring.function_executor import FunctionBeamExecutor, FunctionExecutor
from headrace_tfx.authoring.function_signatures import FunctionSignature, json_hints, signature_of
from headrace_tfx.authoring.keyword_components import KeywordComponent
from headrace_tfx.authoring.nodes import BaseBeamComponent
from headrace_tfx.authoring.specs import ChannelParameter, ComponentSpec, ExecutionParameter


class BaseFunctionalComponent(KeywordComponent):
    """The base of components that are made of functions.

    Attributes:
        FUNCTION_SIGNATURE: The ports of the function.
    """

    FUNCTION_SIGNATURE: ClassVar[FunctionSignature]
    platform_classlevel_extensions: ClassVar[Any] = None

    @staticmethod
    def test_call(*args: Any, **kwargs: Any) -> Any:
        """Calls the function itself, for tests."""
        raise NotImplementedError


class BaseBeamFunctionalComponent(BaseFunctionalComponent, BaseBeamComponent):
    """The same for functions that get a pipeline of Beam."""


BaseFunctionalComponentFactory = Callable[..., BaseFunctionalComponent]


def component(
    func: Callable[..., Any] | None = None,
    /,
    *,
    component_annotation: Any = None,
    use_beam: bool = False,
) -> Any:
    """Makes a component of a function; `@component` or `@component(...)`.

    Args:
        func: The function, at the top level of a module.
        component_annotation: What kind of work it is, such as `standard_annotations.Train`.
        use_beam: Whether it gets a pipeline of Beam, by one argument of the type
            `BeamComponentParameter[beam.Pipeline]` with the default None.

    Returns:
        A class of nodes. Its `test_call` is the function.

    Raises:
        ValueError: The function is not at the top level, or an argument has no annotation, or one
            that means nothing here.
    """
    if func is None:
        return functools.partial(
            component, component_annotation=component_annotation, use_beam=use_beam
        )
    signature = signature_of(func)
    _check_place(func)
    num_pipelines = list(signature.kinds.values()).count("beam")
    if num_pipelines != (1 if use_beam else 0):
        raise ValueError(
            f"@component {signature.name} has {num_pipelines} arguments of the type "
            f"BeamComponentParameter[beam.Pipeline], expected {1 if use_beam else 0} with "
            f"use_beam={use_beam}."
        )
    return _made(func, signature, component_annotation, use_beam=use_beam)


def _made(
    func: Callable[..., Any], signature: FunctionSignature, annotation: Any, *, use_beam: bool
) -> type[BaseFunctionalComponent]:
    place = {"__module__": func.__module__, "__doc__": func.__doc__}
    base = BaseBeamFunctionalComponent if use_beam else BaseFunctionalComponent
    executor_base = FunctionBeamExecutor if use_beam else FunctionExecutor
    executor = type(
        f"{signature.name}_Executor",
        (executor_base,),
        {**place, "FUNCTION": staticmethod(func), "SIGNATURE": signature},
    )
    specs = ExecutorClassSpec if not use_beam else BeamExecutorSpec
    return type(
        signature.name,
        (base,),
        {
            **place,
            "__qualname__": func.__qualname__,
            "SPEC_CLASS": _spec(signature, func, annotation),
            "EXECUTOR_SPEC": specs(executor_class=executor),
            "FUNCTION_SIGNATURE": signature,
            "test_call": staticmethod(func),
        },
    )


def _spec(
    signature: FunctionSignature, func: Callable[..., Any], annotation: Any
) -> type[ComponentSpec]:
    defaults = signature.defaults
    hints = json_hints(signature, func)
    inputs = {
        key: ChannelParameter(type=kind, optional=key in defaults)
        for key, kind in signature.inputs.items()
    }
    outputs = {key: ChannelParameter(type=kind) for key, kind in signature.outputs.items()}
    for key, hint in hints.items():
        (inputs.get(key) or outputs[key]).json_type = hint  # type: ignore[attr-defined]
    return type(
        f"{signature.name}_Spec",
        (ComponentSpec,),
        {
            "__module__": func.__module__,
            "INPUTS": inputs,
            "OUTPUTS": outputs,
            "PARAMETERS": {
                key: ExecutionParameter(type=kind, optional=key in defaults)
                for key, kind in signature.parameters.items()
            },
            "TYPE_ANNOTATION": annotation,
        },
    )


def _check_place(func: Callable[..., Any]) -> None:
    if func.__module__ == "__main__" and func.__name__.startswith("_"):
        raise ValueError(
            f"@component {func.__name__} begins with `_`, which hides it in the file that is run. "
            "Rename the function."
        )

"""Makes the kfp components that pipeline files import; they also accept proto messages.

`python_component` makes one of the author's own code, and `artifact_type` a type of artifacts.
"""

import importlib
import inspect
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kfp import dsl
from kfp.dsl.container_component_class import ContainerComponent
from kfp.dsl.pipeline_task import PipelineTask

from headrace_components.contract.artifact_types import ArtifactType
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.kfp_components import (
    CLASSES,
    our_container,
    plain,
    port,
    with_omitted,
)

if TYPE_CHECKING:
    from headrace_components.own_components import (
        artifact_type,
        container_component,
        python_component,
    )

__all__ = [
    "artifact_type",
    "component",
    "container_component",
    "documentation",
    "python_component",
]

_OWN = ("artifact_type", "container_component", "python_component")

if not TYPE_CHECKING:  # otherwise a type checker would accept any name

    def __getattr__(name: str) -> Any:
        """Imports what only pipelines with components of the author's own need."""
        if name not in _OWN:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module("headrace_components.own_components"), name)
        globals()[name] = value
        return value


def component(declared: Component) -> ContainerComponent:
    """Returns the kfp component for a declaration.

    A parameter of type dict may also be given a proto message, `tfma.EvalConfig(...)` or
    `tfx.proto.Output(...)`, alone or within a dict or list. The pipeline then has the message's
    JSON form, with the field names of the proto file.
    """
    made = our_container(declared.name, declared.name, _docstring(declared), _ports(declared))
    return _Component(declared, made)


class _Component(ContainerComponent):  # type: ignore[misc]  # kfp has no types
    """kfp's component, which shows its declaration like a function."""

    def __init__(self, declared: Component, made: ContainerComponent) -> None:
        super().__init__(made.component_spec, made.pipeline_func)
        self.__module__ = "headrace_components.catalog"
        self.__name__ = self.__qualname__ = declared.name
        self.__doc__ = documentation(declared)
        self.__signature__ = inspect.Signature(_arguments(declared), return_annotation=PipelineTask)

    def __get__(self, instance: Any, owner: Any = None) -> "_Component":
        """Returns itself. `help` shows the signature of objects with this method."""
        return self

    def __reduce__(self) -> str:
        """Returns its name in the catalogue: copies and pickles are the component itself."""
        return self.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> PipelineTask:
        given = {name: plain(value) for name, value in kwargs.items()}
        return with_omitted(super().__call__(*args, **given))


def _ports(declared: Component) -> list[inspect.Parameter]:
    """Returns the parameters that kfp reads from the signature of a function."""
    ports = []
    for name, given in declared.inputs.items():
        default = None if given.optional else inspect.Parameter.empty
        ports.append(port(name, dsl.Input[CLASSES[given.type.schema_title]], default))
    for name, output in declared.outputs.items():
        if isinstance(output.type, ArtifactType):
            ports.append(port(name, dsl.Output[CLASSES[output.type.schema_title]]))
        else:
            ports.append(port(name, dsl.OutputPath(output.type)))
    for each in declared.declared_parameters():
        default = inspect.Parameter.empty if each.is_required else each.default
        ports.append(port(each.name, each.type, default))
    return ports


def _arguments(declared: Component) -> list[inspect.Parameter]:
    """Returns the arguments for an author, with the most readable types."""
    empty = inspect.Parameter.empty
    inputs = [
        port(name, CLASSES[given.type.schema_title], None if given.optional else empty)
        for name, given in declared.inputs.items()
    ]
    parameters = [
        port(each.name, each.type, empty if each.is_required else each.default)
        for each in declared.declared_parameters()
    ]
    return [*inputs, *parameters]


def documentation(declared: Component) -> str:
    """Returns the docstring for authors: what a component does, its inputs and its outputs."""
    taken = {name: each.doc for name, each in declared.inputs.items()}
    taken |= {each.name: each.doc for each in declared.declared_parameters()}
    made = {name: each.doc for name, each in declared.outputs.items()}
    outputs = f"\n\nOutputs:\n{_entries(made)}" if made else ""
    return f"{_with_arguments(declared, taken)}{outputs}"


def _docstring(declared: Component) -> str:
    """Returns the docstring that kfp reads descriptions from: it lists outputs as arguments."""
    ports: dict[str, Input | Output] = {**declared.inputs, **declared.outputs}
    docs = {name: each.doc for name, each in ports.items()}
    docs |= {each.name: each.doc for each in declared.declared_parameters()}
    return _with_arguments(declared, docs)


def _with_arguments(declared: Component, docs: Mapping[str, str]) -> str:
    doc = inspect.cleandoc(declared.doc or "")  # `python -OO` removes docstrings
    return f"{doc}\n\nArgs:\n{_entries(docs)}" if docs else doc


def _entries(docs: Mapping[str, str]) -> str:
    lines = [
        f"{name}: {textwrap.indent(inspect.cleandoc(doc), '    ').lstrip()}"
        for name, doc in docs.items()
    ]
    return textwrap.indent("\n".join(lines), "    ")

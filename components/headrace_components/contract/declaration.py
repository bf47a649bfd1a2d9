"""The declaration of a component: `COMPONENT` in the `component.py` of its folder.

kfp's component (`authoring.py`), the catalogue, the parameters of the executor, the rules of
caches, the checks before a run and the names in lineage are all made from it. Standard library
only: the compiler and the local target read declarations, and images do not have kfp.
"""

import dataclasses
import importlib
import importlib.util
import inspect
import keyword
import pkgutil
import re
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from headrace_components.contract.artifact_types import ArtifactType
from headrace_components.contract.hooks import CacheHooks, EarlyChecks

_PACKAGE = "headrace_components"

# The types of output parameters.
_VALUES = (str, int, float, bool, list, dict)

Footprint = Literal["files", "reading", "statistics", "rows", "training"]
"""The imports of a component, from little to much: `rows` means TFX's libraries without a model."""

MODULE_FILE = "module_file"
"""The parameter of most components that load an author's module."""

Variant = Literal["cuda"]
"""Images with the same component and other packages: `cuda` for NVIDIA's GPUs."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input artifact.

    Attributes:
        type: Its type.
        doc: Its purpose, for the author of a pipeline.
        optional: Whether a pipeline may leave it unconnected.
    """

    type: ArtifactType
    doc: str
    optional: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Output:
    """An output.

    Attributes:
        type: The type of the artifact; a type of JSON values for an output parameter.
        doc: Its contents, for the author of a pipeline.
    """

    type: ArtifactType | type[Any]
    doc: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A parameter, as a pipeline sees it.

    Attributes:
        name: Its name.
        type: Its type in JSON: str, int, float, bool, list or dict.
        default: Its default; `dataclasses.MISSING` if it is required.
        doc: Its purpose, for the author of a pipeline.
    """

    name: str
    type: type[Any]
    default: Any
    doc: str

    @property
    def is_required(self) -> bool:
        """Whether a pipeline must give it."""
        return self.default is dataclasses.MISSING


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """A component.

    Attributes:
        name: Its name, which is that of its folder and of its image.
        doc: Its work, for the author of a pipeline: a line, and paragraphs after it.
        inputs: Its input artifacts.
        outputs: Its outputs.
        parameters: The dataclass of its parameters. Their names, types and defaults are those of
            the fields; their texts are in the section `Attributes` of its docstring.
        execution_type: The name that TFX gives its executions in ML Metadata; empty if TFX has no
            such component.
        execution_base: ML Metadata's class of executions, such as `TRAIN`; empty if there is none.
        cache: Functions that caches need to answer for it.
        checks: Functions that check a task before it runs.
        variants: Its other images. The image `<name>_cuda` has its own `requirements.in`.
        isolated: Whether its packages conflict with those of other components, so that it needs its
            own environment.
        footprint: The imports that need most of its memory with little data. A cluster keeps that
            much free for a task without requests.
        logs_notices: Whether it logs notices, for which its log is read when the task is done.
        opens_store: Whether it opens the object store even if launchers carry all files: it lists
            the results of earlier runs, or keeps its results when its task fails.
        several_machines: Whether a task may run on several machines that share its work.
        module_parameter: The parameter with the author's module file, if the component has one.
        read_paths: The parameters with a path or URI that it reads. A relative path in a pipeline
            file may start beside the file.
        own_ports: Whether the author of a pipeline names its ports, beside those that are declared:
            `authoring.python_component` makes it, and the catalogue does not have it.
    """

    name: str
    doc: str
    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: Mapping[str, Output]
    parameters: type[Any]
    execution_type: str = ""
    execution_base: str = ""
    cache: CacheHooks = field(default_factory=CacheHooks)
    checks: EarlyChecks = field(default_factory=EarlyChecks)
    variants: tuple[Variant, ...] = ()
    isolated: bool = False
    footprint: Footprint = "files"
    logs_notices: bool = False
    opens_store: bool = False
    several_machines: bool = False
    module_parameter: str = MODULE_FILE
    read_paths: tuple[str, ...] = ()
    own_ports: bool = False

    def __post_init__(self) -> None:
        """Rejects a declaration that no backend could use."""
        if not dataclasses.is_dataclass(self.parameters):
            raise TypeError(
                f"{self.name}: `parameters` is {self.parameters!r}, expected a dataclass. One "
                "without fields stands for none."
            )
        if self.footprint not in typing.get_args(Footprint):
            raise TypeError(
                f"{self.name}: `footprint` is {self.footprint!r}, expected one of "
                f"{list(typing.get_args(Footprint))}."
            )
        if isinstance(self.variants, str) or set(self.variants) - {*typing.get_args(Variant)}:
            raise TypeError(
                f"{self.name}: `variants` is {self.variants!r}, expected a tuple of names of "
                f"{list(typing.get_args(Variant))}."
            )
        fields = {each.name: each for each in dataclasses.fields(self.parameters)}
        ports = [*self.inputs, *self.outputs, *fields]
        for port in ports:
            if not port.isidentifier() or keyword.iskeyword(port):
                raise TypeError(
                    f"{self.name}: `{port}` is not a name that Python takes for an argument. "
                    "Rename it."
                )
        if twice := sorted({port for port in ports if ports.count(port) > 1}):
            raise TypeError(f"{self.name}: {twice} are declared twice. Rename one of each.")
        for port, declared in self.inputs.items():
            if not isinstance(declared.type, ArtifactType):
                raise TypeError(
                    f"{self.name}: input `{port}` has the type {declared.type!r}, expected one of "
                    "contract/artifact_types.py. A value is a parameter."
                )
        for port, output in self.outputs.items():
            if not isinstance(output.type, ArtifactType) and output.type not in _VALUES:
                raise TypeError(
                    f"{self.name}: output `{port}` has the type {output.type!r}, expected one of "
                    "contract/artifact_types.py, or str, int, float, bool, list or dict for a "
                    "parameter."
                )
        if unknown := sorted({*self.read_paths} - {*fields}):
            raise TypeError(
                f"{self.name}: `read_paths` names {unknown}, expected parameters of "
                f"{self.parameters.__name__}."
            )
        hints = typing.get_type_hints(self.parameters)  # also of types in quotes
        for each in fields:
            if json_type(hints[each]) is None:
                raise TypeError(
                    f"{self.name}: parameter `{each}` has the type {hints[each]!r}, expected "
                    "str, int, float, bool, `tuple[X, ...]`, a Mapping or a dataclass, or one of "
                    "these `| None`."
                )

    def declared_parameters(self) -> tuple[Parameter, ...]:
        """Returns the parameters: required ones first, and those of a class before inherited ones.

        Raises:
            TypeError: The docstring of the dataclass has no text for a parameter, or a text for
                something else.
        """
        fields = {each.name: each for each in dataclasses.fields(self.parameters)}
        hints = typing.get_type_hints(self.parameters)
        docs: dict[str, str] = {}
        order: dict[str, None] = {}
        for cls in self.parameters.__mro__:
            docs = {**_attribute_docs(cls), **docs}
            order.update(dict.fromkeys(inspect.get_annotations(cls)))
        if sys.flags.optimize > 1:  # `python -OO` has removed all docstrings
            docs = dict.fromkeys(fields, "")
        if missing := sorted(set(fields) - set(docs)):
            raise TypeError(
                f"{self.name}: the docstring of {self.parameters.__name__} does not describe "
                f"{missing}. Add them to its section `Attributes`."
            )
        if unknown := sorted(set(docs) - set(order)):
            raise TypeError(
                f"{self.name}: the docstring of {self.parameters.__name__} describes {unknown}, "
                "which it does not have. Remove them from its section `Attributes`."
            )
        found = [
            Parameter(
                name=name,
                type=json_type(hints[name]) or str,
                default=_default(fields[name]),
                doc=docs[name],
            )
            for name in order
            if name in fields
        ]
        return tuple(sorted(found, key=lambda each: not each.is_required))


def names() -> list[str]:
    """Returns the names of all components: the folders with a `component.py`."""
    package = importlib.import_module(_PACKAGE)
    return sorted(
        folder.name
        for folder in pkgutil.iter_modules(package.__path__)
        if folder.ispkg
        and any(
            module.name == "component"
            for module in pkgutil.iter_modules(
                [f"{path}/{folder.name}" for path in package.__path__]
            )
        )
    )


def catalogue() -> list[str]:
    """Returns the names of the components with ports of their own, which authors import."""
    return [name for name in names() if not _has_own_ports(name)]


def _has_own_ports(name: str) -> bool:
    found = find(name)
    return found is not None and found.own_ports


def module_parameter(name: str | None) -> str:
    """Returns the parameter with the module file of a component, if it has one."""
    found = find(name)
    return found.module_parameter if found is not None else MODULE_FILE


def find(name: str | None) -> Component | None:
    """Returns the declaration of a component, or None if there is no such component."""
    package = f"{_PACKAGE}.{name}"
    folder = importlib.util.find_spec(package) if name and name.isidentifier() else None
    if folder is None or folder.submodule_search_locations is None:
        return None
    if importlib.util.find_spec(f"{package}.component") is None:
        return None
    found: Component = importlib.import_module(f"{package}.component").COMPONENT
    if found.name != name:
        raise TypeError(
            f"{name}/component.py declares the name {found.name!r}, expected {name!r}, the name of "
            "its folder. Correct it."
        )
    return found


def cache_hooks(name: str | None) -> CacheHooks:
    """Returns the cache hooks of a component; there are none under another name."""
    found = find(name)
    return found.cache if found is not None else CacheHooks()


def early_checks(name: str | None) -> EarlyChecks:
    """Returns the early checks of a component; there are none under another name."""
    found = find(name)
    return found.checks if found is not None else EarlyChecks()


def is_isolated(name: str) -> bool:
    """Returns whether this is the name of a component with its own environment."""
    found = find(name)
    return found is not None and found.isolated


def cuda_image(name: str) -> str | None:
    """Returns the name of a component's image with CUDA, or None if it has none."""
    found = find(name)
    return f"{name}_cuda" if found is not None and "cuda" in found.variants else None


def json_type(hint: Any) -> type[Any] | None:
    """Returns the type in JSON of a field of this type, or None if JSON has none for it."""
    if isinstance(hint, types.UnionType):
        options = [option for option in typing.get_args(hint) if option is not types.NoneType]
        return json_type(options[0]) if len(options) == 1 else None
    origin = typing.get_origin(hint) or hint
    if origin in (str, int, float, bool):
        found: type[Any] = origin
        return found
    if origin is tuple:
        item, *others = typing.get_args(hint) or (None,)
        return list if others == [...] and (item is Any or json_type(item)) else None
    return dict if origin is Mapping or dataclasses.is_dataclass(origin) else None


def _default(each: dataclasses.Field[Any]) -> Any:
    made = each.default_factory
    value = made() if made is not dataclasses.MISSING else each.default
    if isinstance(value, tuple):
        return _list(value)
    # A dataclass has defaults itself, for each field that a pipeline leaves out.
    return {} if dataclasses.is_dataclass(value) else value


def _list(value: tuple[Any, ...]) -> list[Any]:
    return [_list(item) if isinstance(item, tuple) else item for item in value]


def _attribute_docs(cls: type[Any]) -> dict[str, str]:
    """Returns the texts of a docstring's section `Attributes` by name, with their line breaks."""
    section = inspect.cleandoc(cls.__dict__.get("__doc__") or "").partition("\nAttributes:\n")[2]
    section = re.split(r"\n(?=\S)", section)[0]
    entries = re.findall(r"^    (\w+): (.*(?:\n(?: {8}.*)?)*)", section, re.MULTILINE)
    return {name: re.sub(r"\n {8}", "\n", text).strip() for name, text in entries}

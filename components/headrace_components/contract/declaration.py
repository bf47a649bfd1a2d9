"""How a component is declared: once, as `COMPONENT` in the `component.py` of its folder.

From it come kfp's component (`authoring.py`), the catalogue, the typed parameters of the executor,
the rules of the caches, the checks before a run and the names in lineage. Standard library only:
the compiler and the local backend read declarations, and images have no kfp.
"""

import dataclasses
import importlib
import importlib.util
import inspect
import pkgutil
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from headrace_components.contract.artifact_types import ArtifactType
from headrace_components.contract.split_needs import SplitNeed

Params = Mapping[str, Any]
"""Parameters of a task by name, as the pipeline has them."""
Inputs = Mapping[str, Sequence[str]]
"""URIs of the input artifacts by port."""
Outputs = Mapping[str, Sequence[Mapping[str, Any]]]
"""Metadata of the output artifacts by port."""
Splits = Mapping[str, Sequence[str]]
"""Names of the splits of artifacts by port."""

Footprint = Literal["files", "reading", "statistics", "rows", "training"]
"""What a component imports, from little to much: `rows` is TFX's libraries without a model."""

_PACKAGE = "headrace_components"


@dataclass(frozen=True, slots=True)
class Input:
    """An input artifact.

    Attributes:
        type: Its type.
        doc: What it is for, for the author of a pipeline.
        optional: Whether a pipeline may leave it unconnected.
    """

    type: ArtifactType
    doc: str
    optional: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Output:
    """An output.

    Attributes:
        type: The type of the artifact; `str` for an output parameter.
        doc: What it holds, for the author of a pipeline.
    """

    type: ArtifactType | type[str]
    doc: str


def _check_hooks(hooks: Any, **arguments: int) -> None:
    """Rejects hooks that cannot be called with so many arguments; one where no number is given."""
    for each in dataclasses.fields(hooks):
        hook = getattr(hooks, each.name)
        number = arguments.get(each.name, 1)
        try:
            if hook is not None:
                inspect.signature(hook).bind(*[None] * number)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"{type(hooks).__name__}: `{each.name}` is {hook!r}, expected a function of "
                f"{number} arguments ({error})."
            ) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheHooks:
    """What a cache must know of a component beyond its parameters and input artifacts.

    A component without hooks depends on those alone. The local backend calls the hooks before it
    decides whether a task must run; the compiler looks at which there are.

    Attributes:
        external_state: Called with parameters and inputs. The component reads what lies elsewhere:
            files in a data directory, the models of earlier runs. Returns a fingerprint of that, or
            None where only a run can tell; then the task is never answered from a cache.
        input_locations: Called with parameters, which alone say what `external_state` looks at.
            Returns the paths and URIs. On a cluster, whose caches do not call any of this, the
            fingerprint is then taken before the task, and passed to it as a parameter, which is in
            the key.
        earlier_state: Called with parameters and an artifact of a task of the run, which tells
            where runs lie. As `external_state`, for a component that looks for what earlier runs
            left; on a cluster alone.
        environment_state: Called with parameters. The component takes code or programs from where
            it runs: a function that is given by dotted path, a server on PATH. Returns a
            fingerprint of those, or None where only a run can tell. In an image, the image's
            reference stands for them.
        relevant_inputs: Called with inputs. The component does not use an input that is connected,
            such as a baseline that holds no model. Returns the inputs without it: only those belong
            to the key.
        still_holds: Called with outputs. The component writes outside of its outputs. Returns
            whether what it wrote is still as it left it.
    """

    external_state: Callable[[Params, Inputs], str | None] | None = None
    input_locations: Callable[[Params], Sequence[str]] | None = None
    earlier_state: Callable[[Params, Any], str] | None = None
    environment_state: Callable[[Params], str | None] | None = None
    relevant_inputs: Callable[[Inputs], Inputs] | None = None
    still_holds: Callable[[Outputs], bool] | None = None

    def __post_init__(self) -> None:
        """Rejects what is not a hook."""
        _check_hooks(self, external_state=2, earlier_state=2)
        looks_elsewhere = self.input_locations is not None or self.earlier_state is not None
        if looks_elsewhere and self.external_state is None:
            raise TypeError(
                "CacheHooks: `input_locations` and `earlier_state` need `external_state`, without "
                "which a cache takes the task for one that reads its inputs alone. Add it."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlyChecks:
    """What can be known of a task before it runs, beyond what its parameters check themselves.

    The compiler calls these for each task, with the parameters that are known by then, and again
    with those of a run before it starts; executors call the same code, so that both say the same. A
    value that only the run knows is missing from the dataclass: to ask for it ends the check.

    Attributes:
        check: Called with the parameters. Raises an `InputError` for values that no run could
            honour.
        functions: Called with the parameters. Returns the functions that the module file must have,
            as a list of alternatives each.
        modules: Called with the parameters. Returns the modules that parameters name, which the
            task imports: files that came with the module file, or installed ones.
        splits_read: Called with the parameters. Returns the splits that input artifacts must have.
        splits_made: Called with the parameters, and the names of the splits of the input artifacts
            where they are known. Returns those of each output artifact; one whose splits are not
            known is left out.
    """

    check: Callable[[Any], None] | None = None
    functions: Callable[[Any], Sequence[tuple[str, ...]]] | None = None
    modules: Callable[[Any], Sequence[str]] | None = None
    splits_read: Callable[[Any], Sequence[SplitNeed]] | None = None
    splits_made: Callable[[Any, Splits], Splits] | None = None

    def __post_init__(self) -> None:
        """Rejects what is not a check."""
        _check_hooks(self, splits_made=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A parameter, as a pipeline sees it.

    Attributes:
        name: Its name.
        type: What JSON makes of its type: str, int, float, bool, list or dict.
        default: Its default; `dataclasses.MISSING` where it is required.
        doc: What it is for, for the author of a pipeline.
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
        doc: What it does, for the author of a pipeline: a line, and paragraphs after it.
        inputs: Its input artifacts.
        outputs: Its outputs.
        parameters: The dataclass of its parameters: names, types and defaults are those of the
            fields, the texts are in the section `Attributes` of its docstring.
        execution_type: The name under which TFX files executions of it in ML Metadata; empty where
            TFX has no such component.
        execution_base: ML Metadata's class of executions, such as `TRAIN`; empty for none.
        cache: What a cache must know of it.
        checks: What can be known of a task before it runs.
        variants: Images with the same component and other packages: `cuda` for NVIDIA's GPUs.
        isolated: Whether its packages conflict with those of the others, so that no environment
            holds all.
        footprint: What most of its memory goes to where data is small. A cluster keeps so much
            free for a task that asks for nothing.
        logs_notices: Whether it logs notices, for which its log is read when the task is done.
        opens_store: Whether it opens the object store also where launchers carry all files: it
            lists what earlier runs left, or keeps what it found when its task fails.
        several_machines: Whether a task may run on several machines that share its work.
    """

    name: str
    doc: str
    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: Mapping[str, Output]
    parameters: type[Any]
    execution_type: str = ""
    execution_base: str = ""
    cache: CacheHooks = CacheHooks()
    checks: EarlyChecks = EarlyChecks()
    variants: tuple[str, ...] = ()
    isolated: bool = False
    footprint: Footprint = "files"
    logs_notices: bool = False
    opens_store: bool = False
    several_machines: bool = False

    def __post_init__(self) -> None:
        """Rejects a declaration that no backend could use."""
        fields = {each.name: each for each in dataclasses.fields(self.parameters)}
        ports = [*self.inputs, *self.outputs, *fields]
        if twice := sorted({port for port in ports if ports.count(port) > 1}):
            raise TypeError(f"{self.name}: {twice} are declared twice. Rename one of each.")
        for port, declared in self.inputs.items():
            if not isinstance(declared.type, ArtifactType):
                raise TypeError(
                    f"{self.name}: input `{port}` has the type {declared.type!r}, expected one of "
                    "contract/artifact_types.py. A value is a parameter."
                )
        for port, output in self.outputs.items():
            if not isinstance(output.type, ArtifactType) and output.type is not str:
                raise TypeError(
                    f"{self.name}: output `{port}` has the type {output.type!r}, expected one of "
                    "contract/artifact_types.py, or str for a parameter."
                )
        for each in fields.values():
            if json_type(each.type) is None:
                raise TypeError(
                    f"{self.name}: parameter `{each.name}` has the type {each.type!r}, expected "
                    "str, int, float, bool, a tuple, a Mapping or a dataclass, or one of these "
                    "`| None`."
                )

    def declared_parameters(self) -> tuple[Parameter, ...]:
        """Returns the parameters: those that are required first, a class's own before inherited.

        Raises:
            TypeError: The docstring of the dataclass does not say what one is for.
        """
        fields = {each.name: each for each in dataclasses.fields(self.parameters)}
        docs: dict[str, str] = {}
        order: dict[str, None] = {}
        for cls in self.parameters.__mro__:
            docs = {**_attribute_docs(cls), **docs}
            order.update(dict.fromkeys(n for n in inspect.get_annotations(cls) if n in fields))
        if missing := sorted(set(fields) - set(docs)):
            raise TypeError(
                f"{self.name}: the docstring of {self.parameters.__name__} does not say what "
                f"{missing} are for. Add them to its section `Attributes`."
            )
        found = [
            Parameter(
                name=name,
                type=json_type(fields[name].type) or str,
                default=_default(fields[name]),
                doc=docs[name],
            )
            for name in order
        ]
        return tuple(sorted(found, key=lambda each: not each.is_required))


def names() -> list[str]:
    """Returns the names of all components, which are the folders that have a `component.py`."""
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


def find(name: str) -> Component | None:
    """Returns the declaration of a component, or None where there is no such component."""
    package = f"{_PACKAGE}.{name}"
    if not name.isidentifier() or importlib.util.find_spec(package) is None:
        return None
    if importlib.util.find_spec(f"{package}.component") is None:
        return None
    found: Component = importlib.import_module(f"{package}.component").COMPONENT
    if found.name != name:
        raise TypeError(
            f"{name}/component.py declares a component of the name {found.name!r}. Give it the "
            "name of its folder."
        )
    return found


def is_isolated(name: str) -> bool:
    """Says whether a component has an environment of its own; of other names it says no."""
    found = find(name)
    return found is not None and found.isolated


def cuda_image(name: str) -> str | None:
    """Returns the name of a component's image with CUDA, or None where there is none."""
    found = find(name)
    return f"{name}_cuda" if found is not None and "cuda" in found.variants else None


def only_a_run_can_tell(params: Params, inputs: Inputs) -> None:
    """Returns None: the hook `external_state` of a component that no cache may answer for."""
    del params, inputs


def in_executor(component: str, function: str) -> Callable[[Params, Any], str]:
    """Returns a hook that is a function of a component's `executor.py`, which needs its libraries.

    The module is imported when the hook is called.
    """

    def hook(params: Params, place: Any) -> str:
        executor = importlib.import_module(f"{_PACKAGE}.{component}.executor")
        state: str = getattr(executor, function)(params, place)
        return state

    return hook


def json_type(hint: Any) -> type[Any] | None:
    """Returns what JSON makes of the type of a field, or None where it has no form of it."""
    if isinstance(hint, types.UnionType):
        options = [option for option in typing.get_args(hint) if option is not types.NoneType]
        return json_type(options[0]) if len(options) == 1 else None
    origin = typing.get_origin(hint) or hint
    if origin in (str, int, float, bool):
        found: type[Any] = origin
        return found
    if origin is tuple:
        return list
    return dict if origin is Mapping or dataclasses.is_dataclass(origin) else None


def _default(each: dataclasses.Field[Any]) -> Any:
    if each.default_factory is not dataclasses.MISSING:
        return {}
    return list(each.default) if isinstance(each.default, tuple) else each.default


def _attribute_docs(cls: type[Any]) -> dict[str, str]:
    """Returns the texts of a docstring's section `Attributes` by name, with their line breaks."""
    section = inspect.cleandoc(cls.__dict__.get("__doc__") or "").partition("\nAttributes:\n")[2]
    section = re.split(r"\n(?=\S)", section)[0]
    entries = re.findall(r"^    (\w+): (.*(?:\n(?: {8}.*)?)*)", section, re.MULTILINE)
    return {name: re.sub(r"\n {8}", "\n", text).strip() for name, text in entries}

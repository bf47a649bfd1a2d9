"""Components and artifact types of the author's own; `authoring` has them for pipeline files."""

import inspect
import keyword
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from kfp import dsl
from kfp.dsl.container_component_class import ContainerComponent
from kfp.dsl.pipeline_task import PipelineTask

from headrace_components import artifacts
from headrace_components.contract.artifact_types import BY_TFX_TITLE, own_type
from headrace_components.contract.errors import InputError
from headrace_components.kfp_components import (
    CLASSES,
    component_of,
    our_container,
    plain,
    port,
    with_omitted,
)
from headrace_components.python_component.params import BEAM, CODE, OBJECT, PORTS

_PYTHON_COMPONENT = "python_component"
_VALUE_TYPES: Mapping[Any, str] = {
    int: "Integer",
    float: "Float",
    str: "String",
    bool: "Boolean",
    bytes: "Bytes",
    dict: "JsonValue",
    list: "JsonValue",
}
_FINAL_STATUS = "FinalStatus"
_PROPERTY_TYPES: Mapping[Any, str] = {
    int: "INT",
    float: "DOUBLE",
    str: "STRING",
    bool: "BOOLEAN",
    dict: "STRUCT",
    list: "STRUCT",
}


def artifact_type(name: str, properties: Mapping[str, type[Any]] | None = None) -> type[Any]:
    """Returns the class of artifacts of a type, for the ports of components of the author's own.

    Args:
        name: Name of the type in ML Metadata, such as `RowReport`. For a name of TFX, such as
            `Examples`, it is the class of `headrace_components.artifacts`.
        properties: Types of the declared properties by name: int, float, str, bool, dict or list.

    Raises:
        InputError: The name is not one of letters, digits and `_`, a property has another type, or
            properties are given for a type of TFX.
    """
    try:
        declared = own_type(name)
    except ValueError as error:
        raise InputError(str(error)) from error
    if wrong := {
        key: kind for key, kind in (properties or {}).items() if kind not in _PROPERTY_TYPES
    }:
        raise InputError(
            f"artifact_type({name!r}): the properties {wrong} have other types than int, float, "
            "str, bool, dict and list. Choose one of those."
        )
    if declared.tfx_title in BY_TFX_TITLE:
        if properties:
            raise InputError(
                f"artifact_type({name!r}): this is a type of TFX, which has its own properties. "
                "Leave out `properties`, or choose another name."
            )
        known: type[Any] = CLASSES[declared.schema_title]
        return known
    kinds = {key: _PROPERTY_TYPES[kind] for key, kind in (properties or {}).items()}
    base: Any = artifacts.OwnArtifact
    found: type[Any] = types.new_class(name, (base,), {"declared": declared, "properties": kinds})
    return found


def python_component(
    *,
    name: str,
    code: str,
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    doc: str = "",
    uses_beam: bool = False,
    reads_elsewhere: bool = False,
    execution_type: str = "",
    json_texts: Sequence[str] = (),
    json_values: Sequence[str] = (),
) -> ContainerComponent:
    """Returns a component that runs code of the author's own.

    docs/python.md explains the code: a function that gets artifacts and values by name, or a
    component or executor with TFX's interface.

    Args:
        name: Name of the component.
        code: `FILE.py:NAME`, a path that begins beside the pipeline file, or a dotted path such as
            `package.module.NAME`, for code that is installed where the task runs.
        inputs: What the inputs carry: a class of artifacts, from `headrace_components.artifacts` or
            `artifact_type`; int, float, str, bool, bytes, dict or list for a value. `X | None` may
            be left out.
        outputs: The same for the outputs; none of them is optional.
        parameters: For each parameter its type, as for values, or its default. In an exit task,
            `dsl.PipelineTaskFinalStatus` is how the tasks before it ended, as JSON text.
        doc: What the component does, for readers of the compiled pipeline.
        uses_beam: Whether the code makes a pipeline of Beam: it then has the parameter
            `beam_pipeline_args`.
        reads_elsewhere: Whether the code reads data that is not among its inputs, such as a
            database: no cache then answers for its tasks.
        execution_type: The type of its executions in ML Metadata, such as `steps.making.Report` in
            TFX; empty for the name.
        json_texts: Parameters of the types dict or list that the code gets as JSON text.
        json_values: Parameters that are JSON text here, and that the code gets as dicts or lists.
            The text may have null in it, for which kfp has no word.

    Raises:
        InputError: A name or type is none, or two ports have one name.
    """
    file, at, function = code.rpartition(":")
    if not at and code.count("."):
        file, function = "", code
    if (not file.endswith(".py") if at else "." not in function) or not function:
        raise InputError(
            f"{name}: the code is {code!r}, expected 'FILE.py:NAME' or a dotted path such as "
            "'package.module.NAME'."
        )
    _check_names(
        name, [*(inputs or {}), *(outputs or {}), *(parameters or {})], uses_beam=uses_beam
    )
    made, messages = _ports(name, inputs or {}, outputs or {}, parameters or {})
    messages["execution_type"] = execution_type or name
    _declare(name, messages["parameters"], json_texts, "JsonValue", "JsonText")
    _declare(name, messages["parameters"], json_values, "String", "ParsedJson")
    hidden: dict[str, Any] = {CODE: file, OBJECT: function, PORTS: messages}
    made += [port(key, type(value), value) for key, value in hidden.items()]
    if uses_beam:
        made.append(port(BEAM, list, []))
    found = _OwnComponent(name, doc or f"Runs {function}.", made)
    found.reads_elsewhere = reads_elsewhere
    return found


def container_component(
    *,
    name: str,
    image: str,
    command: Sequence[Any],
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    doc: str = "",
) -> ContainerComponent:
    """Returns a component that runs the command of an image, as TFX's container components.

    Args:
        name: Name of the component.
        image: The image.
        command: Its words: a text; `{"value": NAME}` for a parameter or a value that is an input;
            `{"input_uri": NAME}` and `{"output_uri": NAME}` for the place of an artifact;
            `{"output_path": NAME}` for the file of a value; `{"concat": [...]}` for one word of
            several.
        inputs: As for `python_component`.
        outputs: As for `python_component`.
        parameters: As for `python_component`.
        doc: What the component does, for readers of the compiled pipeline.

    Raises:
        InputError: A name or type is none, or a word names no port.
    """
    names = [*(inputs or {}), *(outputs or {}), *(parameters or {})]
    _check_names(name, names, uses_beam=False)
    ports, _ = _ports(name, inputs or {}, outputs or {}, parameters or {})

    def container(*given: Any) -> dsl.ContainerSpec:
        by_name = dict(zip([each.name for each in ports], given, strict=True))
        words = [_word(name, each, by_name) for each in command]
        # Vertex AI joins words in arguments alone.
        return dsl.ContainerSpec(image=image, command=words[:1], args=words[1:])

    return component_of(container, name, doc or f"Runs {image}.", ports)


def _word(name: str, word: Any, ports: Mapping[str, Any]) -> Any:
    if isinstance(word, str):
        return word
    kind, named = next(iter(word.items())) if isinstance(word, Mapping) and word else ("", "")
    if kind == "concat":
        return dsl.ConcatPlaceholder([_word(name, each, ports) for each in named])
    if kind not in ("value", "input_uri", "output_uri", "output_path") or named not in ports:
        raise InputError(
            f"{name}: the command has {word!r}, expected a text, or 'value', 'input_uri', "
            f"'output_uri' or 'output_path' with one of {sorted(ports)}, or 'concat' with a list."
        )
    return ports[named].uri if kind in ("input_uri", "output_uri") else ports[named]


def _ports(
    name: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any], parameters: Mapping[str, Any]
) -> tuple[list[inspect.Parameter], dict[str, Any]]:
    """Returns the ports for kfp, and what they carry, for the task."""
    messages: dict[str, dict[str, Any]] = {"inputs": {}, "outputs": {}, "parameters": {}}
    made: list[inspect.Parameter] = []
    for key, given in inputs.items():
        kind, optional = _without_none(given)
        messages["inputs"][key] = _message(name, key, kind)
        annotation = dsl.Input[kind] if _is_artifact(kind) else _kfp_type(kind)
        made.append(port(key, annotation, None if optional else inspect.Parameter.empty))
    for key, kind in outputs.items():
        messages["outputs"][key] = _message(name, key, kind)
        is_artifact = _is_artifact(kind)
        made.append(port(key, dsl.Output[kind] if is_artifact else dsl.OutputPath(_kfp_type(kind))))
    for key, given in parameters.items():
        parameter = _parameter(name, key, given)
        messages["parameters"][key] = _VALUE_TYPES.get(parameter.annotation, _FINAL_STATUS)
        made.append(parameter)
    return made, messages


def _declare(
    name: str, parameters: dict[str, str], keys: Sequence[str], kind: str, declared: str
) -> None:
    """Has the code get parameters of one kind as another."""
    for key in keys:
        if parameters.get(key) != kind:
            wanted = "dict or list" if kind == _VALUE_TYPES[dict] else "str"
            raise InputError(
                f"{name}: `{key}` is among `json_texts` or `json_values`, expected a parameter of "
                f"the type {wanted}. Correct the name, or leave it out."
            )
        parameters[key] = declared


def _without_none(kind: Any) -> tuple[Any, bool]:
    """Returns a type without `None`, and whether it had it."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        others = [each for each in typing.get_args(kind) if each is not types.NoneType]
        if len(others) == 1:
            return others[0], True
    return kind, False


def _is_artifact(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, dsl.Artifact)


def _kfp_type(kind: Any) -> type[Any]:
    found: type[Any] = typing.get_origin(kind) or kind
    return str if found is bytes else found


def _message(name: str, key: str, kind: Any) -> dict[str, Any]:
    """Returns what a port carries, for the task."""
    value = _VALUE_TYPES.get(typing.get_origin(kind) or kind)
    if value is not None:
        return {"value": value}
    if not _is_artifact(kind):
        raise InputError(
            f"{name}: `{key}` has the type {kind!r}, expected a class of artifacts, or int, float, "
            "str, bool, bytes, dict or list. Take one of headrace_components.artifacts, or make "
            "one with headrace_components.authoring.artifact_type('Name')."
        )
    title = getattr(kind, "tfx_title", "") or kind.schema_title
    properties = getattr(kind, "tfx_properties", None)
    return {
        "type": title.partition(".")[2],
        **({"properties": dict(properties)} if properties else {}),
    }


def _parameter(name: str, key: str, given: Any) -> inspect.Parameter:
    kind, optional = _without_none(given)
    if kind is dsl.PipelineTaskFinalStatus:
        return port(key, kind)
    is_type = isinstance(typing.get_origin(kind) or kind, type)
    found = (typing.get_origin(kind) or kind) if is_type else type(given)
    if found not in _VALUE_TYPES or found is bytes:
        raise InputError(
            f"{name}: the parameter `{key}` is {given!r}, expected str, int, float, bool, dict or "
            "list, or a default of one of these types."
        )
    if is_type:
        default = None if optional else inspect.Parameter.empty
        return port(key, found, default)
    return port(key, found, given)


def _check_names(name: str, names: list[str], *, uses_beam: bool) -> None:
    own = [CODE, OBJECT, PORTS, *([BEAM] if uses_beam else [])]
    for key in [name, *names]:
        if not key.isidentifier() or keyword.iskeyword(key):
            raise InputError(
                f"{name}: `{key}` is not a name that Python takes for an argument. Rename it."
            )
    if twice := sorted({key for key in names if [*own, *names].count(key) > 1}):
        raise InputError(
            f"{name}: {twice} are the names of two inputs, outputs or parameters, or of parameters "
            "of Headrace. Rename one of each."
        )


class _OwnComponent(ContainerComponent):  # type: ignore[misc]  # kfp has no types
    """kfp's component of the author's code, which shows the author's ports like a function."""

    def __init__(self, name: str, doc: str, ports: list[inspect.Parameter]) -> None:
        made = our_container(_PYTHON_COMPONENT, name, doc, ports)
        super().__init__(made.component_spec, made.pipeline_func)
        self.reads_elsewhere = False
        self.__name__ = self.__qualname__ = name
        self.__doc__ = doc

    def __call__(self, *args: Any, **kwargs: Any) -> PipelineTask:
        given = {name: plain(value) for name, value in kwargs.items()}
        task = with_omitted(super().__call__(*args, **given))
        if self.reads_elsewhere:
            task.set_caching_options(enable_caching=False)
        return task

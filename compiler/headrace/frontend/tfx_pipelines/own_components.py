"""The steps of components of the author's own: functions, classes with executors, containers."""

import inspect
import json
import sys
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.frontend.cells import is_cell
from headrace.frontend.tfx_pipelines.cell_code import cell_file
from headrace.frontend.tfx_pipelines.container_words import words_of
from headrace.frontend.tfx_pipelines.importers import artifact_class
from headrace.frontend.tfx_pipelines.naming import identifier
from headrace.frontend.tfx_pipelines.nesting import sources
from headrace.frontend.tfx_pipelines.own_parameters import (
    final_status,
    json_texts,
    json_values,
    optional,
    parameter_types,
    parameters,
)
from headrace.frontend.tfx_pipelines.plan import Call, Code, Definition, Step, Value
from headrace.frontend.tfx_pipelines.platform import platform_settings
from headrace.frontend.tfx_pipelines.steps import all_beam_arguments
from headrace.frontend.tfx_pipelines.translation import Translated, Translation
from headrace_tfx.artifacts.values import (
    Boolean,
    Bytes,
    Float,
    Integer,
    JsonValue,
    String,
    ValueArtifact,
)
from headrace_tfx.authoring.executor_specs import TemplatedExecutorContainerSpec
from headrace_tfx.authoring.nodes import BaseBeamComponent
from headrace_tfx.components.executors import BuiltinExecutor

_VALUES: Mapping[type[ValueArtifact], str] = {
    Integer: "int",
    Float: "float",
    String: "str",
    Boolean: "bool",
    Bytes: "bytes",
}
# These read data that are not among their inputs.
_READERS = frozenset({"FileBasedExampleGen", "QueryBasedExampleGen"})
_INPUT_CONFIG = {"splits": [{"name": "single_split", "pattern": "*"}]}
_OUTPUT_CONFIG = {
    "split_config": {
        "splits": [{"name": "train", "hash_buckets": 2}, {"name": "eval", "hash_buckets": 1}]
    }
}


def is_own(node: Any) -> bool:
    """Returns whether a node runs code or a container of the author's."""
    spec = node.executor_spec
    return isinstance(spec, TemplatedExecutorContainerSpec) or _executor(node) is not None


def own_component(node: Any, translation: Translation) -> Translated:
    """Returns the step of a node that runs code or a container of the author's.

    Raises:
        CompileError: The code is not in a file, or an input or parameter is none that a task gets.
    """
    if isinstance(node.executor_spec, TemplatedExecutorContainerSpec):
        given, call = _container(node, translation)
    else:
        given, call = _python(node, translation)
    arguments: dict[str, Value] = {
        key: translation.output(channel) for key, channel in node.inputs.items()
    }
    step = Step(
        node=node.id,
        variable=translation.variable(),
        component=_defined(node, translation, call),
        arguments={**arguments, **given},
        after=translation.after(node),
        settings=platform_settings(node, translation),
    )
    return Translated(steps=(step,))


def _executor(node: Any) -> Any:
    """Returns the author's class with the method `Do`; None if the node has none."""
    found = getattr(node.executor_spec, "executor_class", None)
    is_ours = found is None or found.__module__ == BuiltinExecutor.__module__
    return None if is_ours else found


def _python(node: Any, translation: Translation) -> tuple[dict[str, Value], Call]:
    spec, executor = node.SPEC_CLASS, _executor(node)
    is_reader = any(each.__name__ in _READERS for each in type(node).__mro__)
    is_function = hasattr(executor, "FUNCTION")
    given = dict(parameters(node, translation, is_function=is_function))
    texts = [] if is_function else sorted(json_texts(node, given))
    values = sorted(json_values(node, given))
    if is_reader:
        given = {**_reader_defaults(given), **given}
    uses_beam = isinstance(node, BaseBeamComponent)
    call = Call(
        function="authoring.python_component",
        arguments={
            "name": identifier(type(node).__name__),
            "code": _code(node, executor, translation),
            **_ports(node, translation),
            **_section("parameters", {**parameter_types(spec, given), **final_status(node)}),
            **({"uses_beam": True} if uses_beam else {}),
            **({"reads_elsewhere": True} if is_reader else {}),
            **({"json_texts": texts} if texts else {}),
            **({"json_values": values} if values else {}),
            "execution_type": node.type,
        },
    )
    if uses_beam and (args := all_beam_arguments(node, translation)):
        given["beam_pipeline_args"] = args
    return given, call


def _container(node: Any, translation: Translation) -> tuple[dict[str, Value], Call]:
    spec = node.executor_spec
    given = dict(parameters(node, translation, is_function=True))
    call = Call(
        function="authoring.container_component",
        arguments={
            "name": identifier(type(node).__name__),
            "image": spec.image,
            "command": words_of([*spec.command, *spec.args], node, translation),
            **_ports(node, translation),
            **_section("parameters", parameter_types(node.SPEC_CLASS, given)),
        },
    )
    return given, call


def _ports(node: Any, translation: Translation) -> dict[str, Value | Call]:
    spec = node.SPEC_CLASS
    inputs = {
        name: optional(_type(_source(node, name, each), translation), is_optional=each.optional)
        for name, each in spec.INPUTS.items()
        if name in node.inputs or not _is_builtin(node)
    }
    outputs = {
        name: Code(text=_type(each, translation))
        for name, each in spec.OUTPUTS.items()
        if name in node.outputs
    }
    return {**_section("inputs", inputs), **_section("outputs", outputs)}


def _is_builtin(node: Any) -> bool:
    return type(node).__module__.startswith("headrace_tfx.components")


def _section(name: str, content: dict[str, Value]) -> dict[str, Value | Call]:
    return {name: content} if content else {}


def _source(node: Any, name: str, declared: Any) -> Any:
    """Returns the declaration of the output that an input reads if that is a JSON value."""
    given = node.inputs.get(name)
    for channel in sources(given) if given is not None else ():
        for producer in channel.producers():
            outputs = getattr(getattr(producer, "SPEC_CLASS", None), "OUTPUTS", {})
            found = outputs.get(getattr(channel, "output_key", None))
            if found is not None and issubclass(found.type, JsonValue):
                return found
    return declared


def _type(declared: Any, translation: Translation) -> str:
    """Returns what a port carries, as an expression."""
    kind = declared.type
    if issubclass(kind, JsonValue):
        return "list" if _is_list(getattr(declared, "json_type", None)) else "dict"
    if issubclass(kind, ValueArtifact):
        return next((text for each, text in _VALUES.items() if issubclass(kind, each)), "str")
    return artifact_class(kind, translation).text


def _is_list(hint: Any) -> bool:
    arguments = [each for each in typing.get_args(hint) if each is not type(None)]
    is_union = hint is not None and typing.get_origin(hint) not in (list, dict)
    if is_union and arguments:
        return all(map(_is_list, arguments))
    return typing.get_origin(hint) is list


def _defined(node: Any, translation: Translation, call: Call) -> str:
    translation.imports.add(("headrace_components", "authoring"))
    return _definition(f"{type(node).__name__}_component", call, translation)


def _definition(name: str, call: Call, translation: Translation) -> str:
    """Returns the name of a definition; an equal one is there once."""
    for each in translation.definitions:
        if each.value == call:
            return each.name
    chosen = translation.names.new(name)
    translation.definitions.append(Definition(node=translation.node, name=chosen, value=call))
    return chosen


def _reader_defaults(given: Mapping[str, Value]) -> dict[str, Value]:
    config = given.get("input_config")
    splits = json.loads(config)["splits"] if isinstance(config, str) else _INPUT_CONFIG["splits"]
    output = _OUTPUT_CONFIG if len(splits) == 1 else {}
    return {"input_config": json.dumps(_INPUT_CONFIG), "output_config": json.dumps(output)}


def _code(node: Any, executor: Any, translation: Translation) -> str:
    """Returns the author's code as `FILE.py:NAME` or a dotted path."""
    function = getattr(executor, "FUNCTION", None)
    own = getattr(type(node).EXECUTOR_SPEC, "executor_class", None)
    is_component = executor is own and not _is_builtin(node)
    found = function or (type(node) if is_component else executor)
    name = found.__qualname__
    if "." in name:
        raise translation.error(
            f"{name} is defined within a function or class, expected the top level of a file, "
            "where a task can find it. Move it there."
        )
    file = _file_of(found)
    if file is None or is_cell(str(file)) or not file.is_file():
        file = _cell_file(name, translation)
    if "site-packages" in file.parts and found.__module__ != "__main__":
        return f"{found.__module__}.{name}"
    return f"{translation.shown(file)}:{name}"


def _cell_file(name: str, translation: Translation) -> Path:
    try:
        file = cell_file(name)
    except NameError as error:
        raise translation.error(f"{error}.") from error
    if file is None:
        raise translation.error(
            f"{name} is in no file, expected one that travels with the pipeline. Write it into a "
            "file, and import it from there."
        )
    return file


def _file_of(found: Any) -> Path | None:
    """Returns the file of a function or class, also of the file that was executed as `__main__`."""
    members = [found, *vars(found).values()] if inspect.isclass(found) else [found]
    for each in members:
        function = inspect.unwrap(each.__func__ if isinstance(each, staticmethod) else each)
        code = getattr(function, "__code__", None)
        if code is not None and getattr(function, "__module__", None) == found.__module__:
            return Path(code.co_filename)
    file = getattr(sys.modules.get(found.__module__), "__file__", None)
    return Path(file) if file else None

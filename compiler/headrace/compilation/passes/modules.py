"""Replaces the path of a module file by its content, so that a run carries its code.

A `module_file` may be a constant, or a parameter that comes down from the pipeline's own through
sub-pipelines and loops: every value that is known now and reaches a `module_file` is packed.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headrace.compilation.passes.module_files import collect
from headrace.compilation.passes.templates import as_written, is_template, made_text
from headrace.contract.target import Target
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.declaration import MODULE_FILE, module_parameter
from headrace_components.library.user_code.module_pack import is_packed, is_remote, pack

# The name in messages for a module that is a parameter of a pipeline.
_PARAMETER = "parameter"

DagParameter = tuple[str, str]
"""A parameter of a DAG: the component's name (`ir.ROOT` for the pipeline), the parameter's name."""


def apply_modules(spec: Mapping[str, Any], target: Target, directory: Path) -> Spec:
    """Returns `spec` with the content of each local module file in place of its path.

    Args:
        spec: A pipeline whose defaults are explicit.
        target: Its `max_module_chars` applies to modules that are packed into a run parameter.
            Constants may be longer.
        directory: The directory for relative paths.

    Raises:
        CompileError: A module file is missing, has a syntax error or is too long.
    """
    result: Spec = specs.copy(spec)
    _check_code(result, directory)
    _walk(result, lambda value, user: _packed(value, user, target, directory))
    _check_made_names(result, target)
    return result


def _check_code(spec: Spec, directory: Path) -> None:
    """Refuses a component of the author's own whose file is not there."""
    for node in specs.tasks(spec):
        parameter = module_parameter(node.headrace_name)
        value = specs.constant(specs.parameter_inputs(node.task).get(parameter, {}))
        is_own = node.headrace_name is not None and parameter != MODULE_FILE
        if is_own and is_local(value) and not (directory / value).is_file():
            raise CompileError(
                f"task `{node.label}`: `code` names {str(directory / value)!r}, which is not a "
                "file. Give a path that begins beside the pipeline file."
            )


def _check_made_names(spec: Spec, target: Target) -> None:
    """Refuses names that a run makes from parts, if they mean files of this machine."""
    for node in specs.tasks(spec):
        parameter = module_parameter(node.headrace_name)
        value = specs.constant(specs.parameter_inputs(node.task).get(parameter, {}))
        if node.headrace_name is None or not is_template(value):
            continue
        text = made_text(node, parameter, spec["root"])
        is_here = target.sees_files and text.startswith("/")
        if not is_remote(text) and not text.startswith("{{") and not is_here:
            raise CompileError(
                f"task `{node.label}`: `{parameter}` is a path that only the run knows, "
                f"{as_written(text)!r}, so the compiler cannot pack the module, and no task sees "
                "the pipeline file's directory. Pass the path as a parameter of the pipeline or a "
                "constant, without an f-string around it, or a URI, for example "
                "f'gs://bucket/{name}.py'."
            )


def module_parameters(spec: Mapping[str, Any]) -> frozenset[str]:
    """Returns the names of the run parameters that reach a `module_file`."""
    ports = _walk(specs.copy(spec), lambda value, _: value)
    return frozenset(parameter for dag, parameter in ports if dag == specs.ROOT)


def pack_parameters(
    spec: Mapping[str, Any], values: Mapping[str, Any], target: Target, directory: Path
) -> dict[str, Any]:
    """Returns run parameters with the content of module files in place of their paths.

    Args:
        spec: The compiled pipeline that takes the parameters.
        values: Values of run parameters by name.
        target: As for `apply_modules`.
        directory: As for `apply_modules`.

    Raises:
        CompileError: As for `apply_modules`.
    """
    names = module_parameters(spec)
    return {
        name: _packed(value, f"{_PARAMETER} `{name}`", target, directory)
        if name in names
        else value
        for name, value in values.items()
    }


def _packed(value: Any, user: str, target: Target, directory: Path) -> Any:
    is_run_parameter = user.startswith(_PARAMETER)
    return pack_module(value, user, target, directory, is_run_parameter=is_run_parameter)


def pack_module(
    value: Any, user: str, target: Target, directory: Path, *, is_run_parameter: bool = False
) -> Any:
    """Returns the content of a module file; other values than local paths are returned unchanged.

    Args:
        value: A path, a URI, a packed module, an empty string, or a list of those.
        user: The task or parameter that names the file, for messages.
        target: As for `apply_modules`.
        directory: As for `apply_modules`.
        is_run_parameter: Whether it is a parameter of the pipeline, and no constant.

    Raises:
        CompileError: As for `apply_modules`.
    """
    if isinstance(value, list):
        return [
            pack_module(item, user, target, directory, is_run_parameter=is_run_parameter)
            for item in value
        ]
    if not is_local(value):
        return value
    path = directory / value.removeprefix("file://")
    sources = collect(path, user, directory)
    packed = pack(sources.files, sources.entry)
    most = target.max_module_chars
    if is_run_parameter and most is not None and len(packed) > most:
        raise CompileError(
            f"{user}: the module {path.name!r} and what it imports take {len(packed)} characters "
            f"when packed, but {target.name} carries at most {most} in a parameter "
            "of a run. Write the path as a constant, which may be longer, give `module_file` a "
            "gs:// or s3:// URI, or bake the module into an image of your own and name its "
            "function by dotted path."
        )
    return packed


def is_local(value: Any) -> bool:
    """Returns whether this is the path of a module file that must be packed."""
    if not isinstance(value, str) or not value or "{{$" in value:
        return False
    return not is_packed(value) and not is_remote(value)


def _walk(spec: Spec, change: Callable[[Any, str], Any]) -> set[DagParameter]:
    """Applies `change` to each known value that reaches a `module_file`, following it upwards.

    Returns:
        The parameters of DAGs that carry such values.
    """
    nodes = list(specs.tasks(spec))
    pending: list[DagParameter] = []
    for node in nodes:
        module = module_parameter(node.headrace_name)
        if node.headrace_name and module in specs.parameters(node.component):
            pending += _follow(node, module, change)
    seen = set[DagParameter]()
    while pending:
        port = pending.pop()
        if port in seen:
            continue
        seen.add(port)
        dag, parameter = port
        definition = specs.parameters(specs.component_of(spec, dag)).get(parameter, {})
        if "defaultValue" in definition:
            definition["defaultValue"] = change(
                definition["defaultValue"], f"{_PARAMETER} `{parameter}`"
            )
        for node in nodes:
            if node.task["componentRef"]["name"] == dag:
                pending += _follow(node, parameter, change)
    return seen


def _follow(
    node: specs.TaskNode, parameter: str, change: Callable[[Any, str], Any]
) -> list[DagParameter]:
    """Changes the value that a task gives a parameter, or returns the parameter it comes from."""
    iterator = node.task.get("parameterIterator", {})
    if iterator.get("itemInput") == parameter:
        return _follow_items(node, iterator["items"], change)
    source = specs.parameter_inputs(node.task).get(parameter, {})
    if "runtimeValue" in source:
        source["runtimeValue"]["constant"] = change(
            source["runtimeValue"]["constant"], f"task `{node.label}`"
        )
    if "componentInputParameter" not in source:
        return []
    if "parameterExpressionSelector" in source:
        raise CompileError(
            f"task `{node.label}`: `{parameter}` is a field of a loop's item, where the "
            "compiler does not look. Loop over the paths themselves, or write a URI."
        )
    return [(node.dag, source["componentInputParameter"])]


def _follow_items(
    node: specs.TaskNode, items: dict[str, Any], change: Callable[[Any, str], Any]
) -> list[DagParameter]:
    if "raw" in items:
        values = change(json.loads(items["raw"]), f"loop `{node.label}`")
        items["raw"] = json.dumps(values)
        return []
    # The list arrives as an input of the loop's own task.
    return _follow(node, items["inputParameter"], change)

"""Rewrites values that are made of other values in a run, so that all targets give the same result.

kfp writes `f"{root}/labelled"` as a constant with a placeholder, beside an input of the task with
the value. The program that starts the container replaces the placeholder by the value's text,
inside of JSON, without escaping it. For components of Headrace the constant becomes a template that
they fill in themselves; `headrace_components.contract.templates` defines its form. Lightweight
Python components do not know templates, so `python_commands` puts a program before the command that
fills them in.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from headrace.compilation.passes.python_commands import with_filler
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.fingerprint_ports import FINGERPRINT_INPUT
from headrace_components.contract.templates import (
    INPUT_PREFIX,
    SETTING,
    TEMPLATES_INPUT,
    is_replaced,
    literal,
    reference,
    to_text,
)

PLACEHOLDER = re.compile(
    # kfp's form of a value from an input that it adds; a component's own name is a text of the
    # author. The second form is what kfp leaves in places where it does not look: inside of lists.
    r"\{\{\$\.inputs\.parameters\[(?P<quote>['\"])(?P<input>pipelinechannel--.+?)(?P=quote)\]\}\}"
    r"|\{\{channel:task=(?P<task>[^;]*);name=(?P<name>[^;]*);type=[^;]*;\}\}"
    # Every target fills these in, although some not in a longer text.
    r"|\{\{\$\.(?P<job>pipeline_\w+|workspace_path)\}\}"
)
"""Matches texts that a run replaces: inputs (`input`, or `task` and `name`) and names (`job`)."""

RUN_PLACEHOLDER = re.compile(r"\{\{\$\.pipeline_\w+\}\}")
"""The placeholder for a name or a time of the run or of the task."""


def apply_templates(spec: Mapping[str, Any]) -> Spec:
    """Returns `spec` with templates for constants that a run completes.

    Only tasks that fill in templates are changed; for other tasks the backend fills in the texts. A
    constant that is exactly one placeholder of the pipeline is also left to the backend.

    Args:
        spec: A pipeline after all passes that look into constants.

    Raises:
        CompileError: A constant contains an artifact, or a value that is not among the task's
            inputs.
    """
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        if not fills_in(node.container):
            continue
        if TEMPLATES_INPUT not in specs.parameter_inputs(node.task):
            _check_sources(node, result)
            _rewrite(node)
        if node.headrace_name is None:
            is_asked = TEMPLATES_INPUT in specs.parameter_inputs(node.task)
            node.container["command"] = with_filler(node.container, is_asked=is_asked)
    return result


def fills_in(container: Mapping[str, Any]) -> bool:
    """Returns whether a container fills in templates itself: the backend then replaces nothing."""
    return specs.headrace_component(container) is not None or specs.is_python_component(container)


def is_template(value: Any) -> bool:
    """Returns whether only the run knows a part of a constant, at any depth."""
    return any(PLACEHOLDER.search(text) for text in texts(value))


def is_made_in_run(node: specs.TaskNode, name: str) -> bool:
    """Returns whether only the run completes a parameter's constant, before or after this pass."""
    inputs = specs.parameter_inputs(node.task)
    kinds = specs.constant(inputs.get(TEMPLATES_INPUT, {})) or {}
    return name in kinds or is_template(specs.constant(inputs.get(name, {})))


def _check_sources(node: specs.TaskNode, spec: Spec) -> None:
    for name, source in specs.parameter_inputs(node.task).items():
        output = source.get("taskOutputParameter", {})
        producer = node.enclosing["dag"].get("tasks", {}).get(output.get("producerTask"))
        if not name.startswith(INPUT_PREFIX) or producer is None:
            continue
        made = specs.component_of_task(spec, producer).get("outputDefinitions", {})
        if output["outputParameterKey"] in made.get("artifacts", {}):
            raise CompileError(
                f"task `{node.label}`: the artifact `{output['outputParameterKey']}` of task "
                f"`{output['producerTask']}` is put into a list, a dict or an f-string, which only "
                "parameters can be. Connect it to an input of the component."
            )


def made_text(node: specs.TaskNode, name: str, root: Mapping[str, Any]) -> str:
    """Returns a parameter's constant with the values in it that are known before the run.

    Args:
        node: The task.
        name: The parameter; its value is a text.
        root: The pipeline's component, whose defaults count as known.
    """

    def replaced(match: re.Match[str]) -> str:
        known = None if match["job"] else known_value(node, _input(match), root)
        return match[0] if known in (None, "") else to_text(known)

    return PLACEHOLDER.sub(replaced, specs.constant(specs.parameter_inputs(node.task)[name]))


def as_written(text: str) -> str:
    """Returns a text with placeholders in the author's f-string form, such as `/opt/{name}`."""
    # After the last `--` is the text that `sub_pipeline_texts` made an input of.
    return PLACEHOLDER.sub(
        lambda match: f"{{{match['job'] or _input(match).rpartition('--')[2]}}}", text
    )


def known_value(node: specs.TaskNode, name: str, root: Mapping[str, Any]) -> Any:
    """Returns the known value of a task's input before the run, by default; None if unknown.

    Args:
        node: The task.
        name: The input.
        root: The pipeline's component, whose defaults count as known.
    """
    source = specs.parameter_inputs(node.task).get(name, {})
    parameter = source.get("componentInputParameter")
    if parameter is None:
        return specs.constant(source)
    if node.parent is None:
        return specs.parameters(root).get(parameter, {}).get("defaultValue")
    return known_value(node.parent, parameter, root)


def _rewrite(node: specs.TaskNode) -> None:
    inputs = specs.parameter_inputs(node.task)
    declared = specs.parameters(node.component)
    kinds = {}
    used = {
        TEMPLATES_INPUT,
        FINGERPRINT_INPUT,  # of a pipeline that is compiled already
        *specs.referenced_parameters(specs.canonical_json(node.container)),
    }
    for name, source in sorted(inputs.items()):
        value = specs.constant(source)
        if name.startswith(INPUT_PREFIX):
            continue
        if name not in declared:
            # kfp adds one if a machine's memory or a similar setting comes from a parameter.
            kinds[name] = SETTING
            continue
        if not _asks(value):
            continue

        def replaced(match: re.Match[str], name: str = name) -> str:
            key = _input(match)
            if match["job"]:
                inputs[key] = {"runtimeValue": {"constant": match[0]}}
            elif key not in inputs:
                raise _missing(node, name, key)
            used.add(key)
            return reference(key)

        source["runtimeValue"]["constant"] = _template(value, replaced)
        kinds[name] = declared[name].get("parameterType", "")
    is_ours = node.headrace_name is not None
    # kfp's executor ignores inputs that a function does not take; our components refuse them.
    if (is_ours and kinds) or set(kinds.values()) - {SETTING}:
        inputs[TEMPLATES_INPUT] = {"runtimeValue": {"constant": kinds}}
    for name in sorted(inputs):
        if name.startswith(INPUT_PREFIX) and name not in used:
            del inputs[name]


def _asks(value: Any) -> bool:
    job = isinstance(value, str) and PLACEHOLDER.fullmatch(value)
    if job and job["job"]:
        return False  # the whole value: every target fills it in
    return any(PLACEHOLDER.search(text) or is_replaced(text) for text in texts(value))


def texts(value: Any) -> list[str]:
    """Returns the texts of JSON data, at any depth, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for key, item in value.items() for text in (key, *texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return []


def _input(match: re.Match[str]) -> str:
    if match["job"]:
        return run_input(match[0])
    if match["input"]:
        return match["input"]
    return INPUT_PREFIX + "-".join(part for part in (match["task"], match["name"]) if part)


def run_input(placeholder: str) -> str:
    """Returns the name of an added input with the value of a `RUN_PLACEHOLDER`."""
    return f"{INPUT_PREFIX}headrace--{placeholder[4:-2]}"


def _template(value: Any, replaced: Callable[[re.Match[str]], str]) -> Any:
    if isinstance(value, Mapping):
        return {_template(key, replaced): _template(item, replaced) for key, item in value.items()}
    if isinstance(value, list):
        return [_template(item, replaced) for item in value]
    if not isinstance(value, str):
        return value
    parts, end = [], 0
    for match in PLACEHOLDER.finditer(value):
        parts += [literal(value[end : match.start()]), replaced(match)]
        end = match.end()
    return "".join([*parts, literal(value[end:])])


def _missing(node: specs.TaskNode, name: str, key: str) -> CompileError:
    shown = key.removeprefix(INPUT_PREFIX)
    return CompileError(
        f"task `{node.label}`: `{name}` is made with `{shown}`, which kfp does not pass to the "
        "task. Pass the value itself as a parameter of the component, or make the text in a task."
    )

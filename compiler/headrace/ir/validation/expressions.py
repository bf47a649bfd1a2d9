"""Checks the small languages within a compiled pipeline, before anything runs.

Conditions are CEL, selectors parse JSON, and a command line may contain IfPresent and Concat as
JSON text. Without these checks, an error in one of them would only be found when its task starts.
"""

import json
from collections.abc import Mapping
from typing import Any

from headrace.ir import cel, specs
from headrace.ir.validation.structure import place
from headrace.ir.values import selector_steps
from headrace_components.contract.errors import InputError

_STRUCTURES = ('{"IfPresent"', '{"Concat"')


def check_expressions(spec: Mapping[str, Any], where: str) -> None:
    """Refuses an expression that could not be read when its task is due.

    Args:
        spec: A sound `PipelineSpec`.
        where: The beginning of messages.

    Raises:
        InputError: A condition, a selector or a placeholder is not understood.
    """
    bodies: dict[tuple[str, ...], Any] = {("root",): spec["root"]}
    for key, component in spec.get("components", {}).items():
        bodies["components", key] = component
    for at, body in bodies.items():
        for name, task in specs.dag_tasks(body).items():
            here = f"{where}: {place((*at, 'dag', 'tasks', name))}"
            condition = task.get("triggerPolicy", {}).get("condition", "")
            if condition:
                cel.parsed(condition, here)
            for port, source in specs.parameter_inputs(task).items():
                selector = source.get("parameterExpressionSelector", "")
                if selector:
                    selector_steps(selector, f"{here}: `{port}`")
    for label, executor in specs.executors(spec).items():
        container = executor.get("container", {})
        for part in ("command", "args"):
            for number, text in enumerate(container.get(part, ())):
                at = ("deploymentSpec", "executors", label, "container", part, f"[{number}]")
                if text.startswith(_STRUCTURES):
                    _check_text(text, f"{where}: {place(at)}")


def _check_text(text: str, where: str) -> None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_placeholder(text, where) from error
    _check_structure(value, where, 0)


def _check_structure(value: Any, where: str, depth: int) -> None:
    """Checks a value in place of an argument: a text, IfPresent or Concat."""
    if isinstance(value, str):
        if value.startswith(_STRUCTURES):
            _check_text(value, where)
        return
    if depth > 20 or not isinstance(value, dict):
        raise _no_placeholder(json.dumps(value), where)
    if isinstance(value.get("Concat"), list):
        parts = value["Concat"]
    else:
        choice = value.get("IfPresent")
        if (
            not isinstance(choice, dict)
            or not isinstance(choice.get("InputName"), str)
            or "Then" not in choice
        ):
            raise _no_placeholder(json.dumps(value), where)
        parts = []
        for branch in (choice["Then"], choice.get("Else", [])):
            parts += branch if isinstance(branch, list) else [branch]
    for part in parts:
        _check_structure(part, where, depth + 1)


def _no_placeholder(text: str, where: str) -> InputError:
    return InputError(
        f'{where} is {text[:80]!r}, expected a placeholder such as {{"Concat": [...]}} or '
        '{"IfPresent": {"InputName": ..., "Then": ...}}. Compile the pipeline again with kfp 2.13 '
        "to 2.17."
    )

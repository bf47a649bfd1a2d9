"""Fills in the templates of a task's parameters: `templates` has the form.

Headrace's own components import this module. Images of lightweight Python components do not have
it, so the compiler puts its text before their command:
`python3 -c TEXT COMMAND --executor_input MESSAGE ...` starts `COMMAND --executor_input FILLED ...`.
The code of our modules that it imports by name is included. So they only use the standard library,
run on any Python that kfp runs on, and contain nothing that a backend replaces in a command, such
as two opening braces.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

INPUT_PREFIX = "pipelinechannel--"
TEMPLATES_INPUT = INPUT_PREFIX + "headrace--templates"
SETTING = "SETTING"
FINAL_STATUS = "TASK_FINAL_STATUS"

_REFERENCE = re.compile(r"@\[\[([^\[\]]+)\]\]")
_CHARACTERS = ("{", "$", "@")
# States of ML Metadata; the second is that of a DAG whose tasks were all skipped.
_SUCCESSES = ("COMPLETE", "RUNNING")
_MAX_WHOLE = 1e21  # from here on a whole number is a measurement, not a count


def fill(values: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Returns parameter values with templates filled in, without the inputs that kfp added.

    Raises ValueError if a template names an input that has no value.
    """
    kinds = values.get(TEMPLATES_INPUT) or {}
    sources = {
        name[len(INPUT_PREFIX) :]: value
        for name, value in values.items()
        if name.startswith(INPUT_PREFIX)
    }
    filled = {}
    for name, value in values.items():
        kind = kinds.get(name)
        if name.startswith(INPUT_PREFIX) or kind == SETTING:
            continue
        filled[name] = value
        if kind == FINAL_STATUS:
            filled[name] = final_status(value)
        elif kind is not None:
            made = _filled(value, sources, f"{task}: parameter `{name}`")
            filled[name] = to_text(made) if kind == "STRING" else made
    return filled


def final_status(told: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how a task ended, in kfp's words: `SUCCEEDED`, or `FAILED` with an error.

    Args:
        told: A `PipelineTaskFinalStatus` as JSON data, from Kubeflow's driver or another backend.
    """
    if told.get("state") in _SUCCESSES:
        return {**told, "state": "SUCCEEDED"}
    if told.get("state") != "FAILED" or told.get("error"):
        return dict(told)
    name = told.get("pipelineTaskName", "a task")
    reason = f"{name} failed; Kubeflow tells no reason, the logs of the tasks in it do"
    return {**told, "error": {"code": 2, "message": reason}}


def _filled(value: Any, sources: Mapping[str, Any], where: str) -> Any:
    if isinstance(value, Mapping):
        filled = {
            to_text(_filled(key, sources, where)): _filled(item, sources, where)
            for key, item in value.items()
        }
        # As every message has them: it was sorted by keys that were not filled in yet.
        return dict(sorted(filled.items()))
    if isinstance(value, list):
        return [_filled(item, sources, where) for item in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _source(whole[1], sources, where)
    return _REFERENCE.sub(lambda match: to_text(_source(match[1], sources, where)), value)


def _source(name: str, sources: Mapping[str, Any], where: str) -> Any:
    if name in _CHARACTERS:
        return name
    if sources.get(name) is None:
        known = sorted(key for key in sources if not key.startswith("headrace--"))
        raise ValueError(
            f"{where} is made with `{name}`, which has no value; with one are {known}. Pass it to "
            "the pipeline, or give it a default."
        )
    return sources[name]


def to_text(value: Any) -> str:
    """Returns the text form of a value, as in a command line of KFP's launcher.

    Example:
        >>> to_text(3.0), to_text(1e-7), to_text(True), to_text({"b": [1.5, 2.0], "a": "x"})
        ('3', '0.0000001', 'true', '{"a":"x","b":[1.5,2]}')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not value.is_integer():
        return format(Decimal(repr(value)), "f")
    return json.dumps(
        whole_numbers(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


def whole_numbers(value: Any) -> Any:
    """Returns JSON data with floats that are integers as such, at any depth.

    A pipeline's messages have only one type of number, a double: the author's `{"units": 64}`
    arrives as 64.0. A value of 1.0 from the author also becomes 1; Python's arithmetic does not
    distinguish them.

    Example:
        >>> whole_numbers([1.0, {"a": 2.5}])
        [1, {'a': 2.5}]
    """
    if isinstance(value, Mapping):
        return {key: whole_numbers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [whole_numbers(item) for item in value]
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < _MAX_WHOLE
    return int(value) if is_whole else value


def filled_command(words: Sequence[str]) -> list[str]:
    """Returns a command line with the templates in its message filled in, and those in its program.

    Raises ValueError if a template names an input that has no value.
    """
    at = words.index("--executor_input") + 1
    program = [_filled(word, {}, "the program") for word in words[:at]]
    message = json.loads(words[at])
    values = message.get("inputs", {}).get("parameterValues", {})
    if TEMPLATES_INPUT not in values:
        return [*program, *words[at:]]
    message["inputs"]["parameterValues"] = fill(values, "this task")
    for port, several in message["inputs"].get("artifacts", {}).items():
        for artifact in several.get("artifacts", ()):
            if port in values[TEMPLATES_INPUT]:
                artifact["type"] = {"schemaTitle": values[TEMPLATES_INPUT][port]}
    return [*program, json.dumps(message, ensure_ascii=False), *words[at + 1 :]]


if __name__ == "__main__":
    try:
        words = filled_command(sys.argv[1:])
    except ValueError as error:
        sys.exit(f"ERROR: {error}")
    os.execvp(words[0], words)

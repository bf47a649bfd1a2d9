"""The values that a component of the author's own returned, as artifacts of lineage.

TFX keeps each value in a file, which is an artifact of a type such as `Integer`. Backends carry
values as parameters. On this machine a task's directory has TFX's files too: `<output>/value`.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from headrace.ir.view import ComponentSpec
from headrace.targets.local.records.attempt import Attempt
from headrace.targets.local.shared.results import RuntimeArtifact, TaskInputs
from headrace_components.contract.declaration import find
from headrace_components.contract.property_types import VALUES_FILE
from headrace_components.python_component.params import PORTS

_FILE = "value"
# TFX's mark of a file that stands for None.
_IS_NULL = "__is_null__"


def write_values(
    component: ComponentSpec, inputs: TaskInputs, parameters: Mapping[str, Any], attempt: Attempt
) -> dict[str, tuple[RuntimeArtifact, ...]]:
    """Writes the files of a task's values, and returns their artifacts with final URIs.

    Args:
        component: The task's component. One that is not the author's own has no such values.
        inputs: Its inputs, which say what its outputs carry.
        parameters: The values by output.
        attempt: Where the task wrote.
    """
    declared = find(component.headrace_name)
    if declared is None or not declared.own_ports:
        return {}
    ports = inputs.parameters.get(PORTS, {}).get("outputs", {})
    said = attempt.private / VALUES_FILE
    records = json.loads(said.read_text("utf-8")) if said.is_file() else {}
    found: dict[str, tuple[RuntimeArtifact, ...]] = {}
    for name, port in ports.items():
        if "value" not in port:
            continue
        record = records.get(name, {"type": port["value"], "metadata": {}})
        file = attempt.partial / name / _FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        is_own = record["type"].partition("_")[0] != port["value"]
        file.write_bytes(_content("" if is_own else port["value"], parameters[name]))
        found[name] = (
            RuntimeArtifact(
                uri=str(attempt.final / name / _FILE),
                type=f"tfx.{record['type']}",
                metadata={_IS_NULL: 0, **record["metadata"]},
                port=name,
            ),
        )
    return found


def _content(kind: str, value: Any) -> bytes:
    """Returns the file that TFX writes for a value; that of a type of the author's is a text."""
    if kind == "Bytes":
        return base64.b64decode(value)
    if kind == "Boolean":
        return b"1" if value else b"0"
    if kind == "JsonValue":
        return json.dumps(value, sort_keys=True).encode()
    return str(value).encode()

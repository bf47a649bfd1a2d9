"""A task's inputs, outputs and parameters as the objects that TFX's executors get, and back."""

import base64
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace_components.contract import task as contract
from headrace_components.contract.errors import InputError
from headrace_components.contract.machines import is_chief
from headrace_components.contract.property_types import KEY, VALUES_FILE
from headrace_tfx.artifacts import simple, standard, values
from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.artifacts.values import ValueArtifact
from headrace_tfx.executing import metadata
from headrace_tfx.executing.base_executor import Artifacts

# How TFX's numbers that JSON does not have are written in its files of values.
_NUMBERS = {"Integer": int, "Float": float}

# The properties of a value that its author did not set.
_OF_EVERY_VALUE = frozenset({"__is_null__", KEY})

# How the tasks before an exit task ended. TFX gives it as JSON text.
_FINAL_STATUS = "FinalStatus"
# A dict or list that the code gets as JSON text, as TFX's executors get messages; and the reverse.
_JSON_TEXT, _PARSED_JSON = "JsonText", "ParsedJson"
# Kubeflow's words for it, and those of Vertex AI, the only backend of TFX that has exit handlers.
_VERTEX_STATES = {"COMPLETE": "SUCCEEDED", "CANCELED": "CANCELLED"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """What the ports of a component carry.

    Attributes:
        inputs: By name: `{"type": "Examples", "properties": {...}}` or `{"value": "Integer"}`.
        outputs: The same for outputs.
        parameters: The types of values by parameter, such as `Integer`.
        execution_type: The type of the executions in ML Metadata.
    """

    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    execution_type: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """What an executor is called with.

    Attributes:
        input_dict: Artifacts by input.
        output_dict: Artifacts by output.
        exec_properties: Values by parameter.
    """

    input_dict: Artifacts
    output_dict: Artifacts
    exec_properties: dict[str, Any]


def ready(
    task: contract.Task,
    ports: Ports,
    classes: Mapping[str, type[Artifact]],
    scratch: Path,
    *,
    by_uri: bool,
) -> Ready:
    """Returns what an executor is called with.

    Args:
        task: The task.
        ports: Its ports.
        classes: Classes of artifacts by port, as far as the author's code declares them.
        scratch: A directory for the files of values.
        by_uri: Whether artifacts are named by their URIs, for workers on other machines, and not by
            the paths of this one.
    """
    given = _without_values(task, ports)
    inputs: Artifacts = {
        name: [_input(each, ports.inputs, classes, by_uri=by_uri) for each in found]
        for name, found in task.inputs.items()
    }
    for name, port in ports.inputs.items():
        if "value" in port:
            value = given.pop(name, None)
            inputs[name] = [] if value is None else [_value(name, port, value, classes, scratch)]
        else:
            inputs.setdefault(name, [])
    outputs: Artifacts = {}
    for name, port in ports.outputs.items():
        made = _class(name, port, classes)()
        if "value" in port:
            made.uri = _file(scratch, "outputs", name)
        else:
            announced = task.output(name)
            made.uri = announced.uri if by_uri else str(announced.path)
        outputs[name] = [made]
    return Ready(input_dict=inputs, output_dict=outputs, exec_properties=given)


def publish(task: contract.Task, ports: Ports, outputs: Artifacts) -> None:
    """Publishes what an executor has set of its outputs.

    Args:
        task: The task.
        ports: Its ports.
        outputs: The dict that the executor got.

    Raises:
        InputError: There is not one artifact for an output, a value is missing, or a property is
            none that a backend carries.
    """
    if unknown := sorted(set(outputs) - set(ports.outputs)):
        raise InputError(
            f"the code wrote the outputs {unknown}, expected some of {sorted(ports.outputs)}. "
            "Declare them where the component is made."
        )
    records = {}
    for name, port in ports.outputs.items():
        found = outputs.get(name, [])
        if len(found) != 1:
            raise InputError(
                f"output `{name}` has {len(found)} artifacts, expected 1: a task of a pipeline "
                "makes one for each output. Write several parts into its directory."
            )
        if "value" in port:
            task.output_parameters[name] = _returned(name, port, found[0])
            said = _metadata(name, found[0])
            if found[0].type_name != port["value"] or said.keys() - _OF_EVERY_VALUE:
                records[name] = {"type": found[0].type_name, "metadata": said}
        else:
            _publish(task.output(name), found[0])
    if records and is_chief():
        task.output_file.parent.mkdir(parents=True, exist_ok=True)
        task.output_file.with_name(VALUES_FILE).write_text(json.dumps(records), "utf-8")


def _publish(output: contract.Artifact, artifact: Artifact) -> None:
    if artifact.uri not in (output.uri, str(output.path)):
        _bring(output, artifact.uri)
    output.metadata.update(_metadata(output.key, artifact))


def _metadata(name: str, artifact: Artifact) -> dict[str, str | int | float]:
    try:
        return metadata.written(artifact)
    except (ValueError, TypeError) as error:
        raise InputError(f"output `{name}`: {error}.") from error


def _bring(output: contract.Artifact, uri: str) -> None:
    """Copies what the code has put elsewhere to the place of the output."""
    source = Path(uri)
    if not source.exists():
        raise InputError(
            f"output `{output.key}` has the URI {uri!r}, where there is nothing on this machine, "
            f"expected files at {output.path}. Write there, and leave `uri` as it is."
        )
    if source.is_dir():
        shutil.copytree(source, output.path, dirs_exist_ok=True)
    else:
        output.path.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, output.path)


def _without_values(task: contract.Task, ports: Ports) -> dict[str, Any]:
    return {
        name: _as_declared(ports.parameters.get(name, ""), value)
        for name, value in task.params.items()
        if value is not None
    }


def _as_declared(kind: str, value: Any) -> Any:
    if kind == _FINAL_STATUS:
        state = value.get("state")
        return json.dumps({**value, "state": _VERTEX_STATES.get(state, state)})
    if kind == _JSON_TEXT:
        return json.dumps(value)
    if kind == _PARSED_JSON:
        return json.loads(value)
    # JSON has one type of numbers.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _NUMBERS[kind](value) if kind in _NUMBERS and is_number else value


def _input(
    given: contract.Artifact,
    ports: Mapping[str, Any],
    classes: Mapping[str, type[Artifact]],
    *,
    by_uri: bool,
) -> Artifact:
    made = _class(given.key, ports.get(given.key, {"type": "Artifact"}), classes)()
    metadata.read(made, given.metadata)
    made.uri = given.uri if by_uri else str(given.path)
    made.id = int(given.name) if given.name.isdecimal() else 0
    return made


def _value(
    name: str,
    port: Mapping[str, Any],
    value: Any,
    classes: Mapping[str, type[Artifact]],
    scratch: Path,
) -> Artifact:
    kind = port["value"]
    made = _class(name, port, classes)()
    made.uri = _file(scratch, "inputs", name)
    plain = base64.b64decode(value) if kind == "Bytes" else _as_declared(kind, value)
    if isinstance(made, ValueArtifact):
        # A class of the author's own decides itself how its values are written.
        is_own = not isinstance(made, getattr(values, kind))
        made.value = made.decode(str(plain).encode()) if is_own else plain
    return made


def _file(scratch: Path, kind: str, name: str) -> str:
    (scratch / kind).mkdir(parents=True, exist_ok=True)
    return str(scratch / kind / name)


def _returned(name: str, port: Mapping[str, Any], artifact: Artifact) -> Any:
    if not isinstance(artifact, ValueArtifact):
        raise InputError(f"output `{name}` is a {artifact.type_name}, expected a value.")
    try:
        value = artifact.value
    except ValueError:  # the file may have been written in another way
        try:
            value = artifact.read()
        except RuntimeError as error:
            raise InputError(
                f"output `{name}` got no value. Set `value` of its artifact, or return it."
            ) from error
    if value is None:
        raise InputError(
            f"output `{name}` is None, which no backend carries as a value. Return a value that "
            "stands for none."
        )
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if not isinstance(artifact, getattr(values, port["value"])):
        encoded = artifact.encode(value)
        return encoded if isinstance(encoded, str) else encoded.decode()
    if port["value"] == "Float":
        _check_finite(name, value)
    return value


def _check_finite(name: str, value: float) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise InputError(
            f"output `{name}` is {value}, which JSON does not have. Return a finite number."
        ) from error


def _class(
    name: str, port: Mapping[str, Any], classes: Mapping[str, type[Artifact]]
) -> type[Artifact]:
    if name in classes:
        return classes[name]
    title = port.get("value") or port["type"]
    declared = {key: metadata.property_of(kind) for key, kind in port.get("properties", {}).items()}
    modules: Sequence[Any] = (standard, values, simple)
    for module in modules:
        found = getattr(module, title, None)
        if not declared and isinstance(found, type) and issubclass(found, Artifact):
            return found
    return type(title, (Artifact,), {"TYPE_NAME": title, "PROPERTIES": declared})

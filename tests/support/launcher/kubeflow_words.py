"""The changes of a command line on Kubeflow, from the compiled pipeline to the process.

Four programs replace texts in it, one after the other, also in texts that another one has inserted:

1. KFP's driver puts the values of parameters into the arguments.
2. Argo replaces tags such as `{{workflow.name}}`, in the arguments and in the message.
3. Kubernetes makes `$(NAME)` the value of a variable and `$$` a dollar, in both. It does so twice:
   constants, command lines and variables are arguments of the driver's own pod before.
4. KFP's launcher replaces `{{$}}` by the message as JSON, and then all other placeholders, also in
   the JSON that it has just put in.

Sources: `resolveContainerArgs` of KFP's driver, `compileCmdAndArgs` of its launcher
(`launcher_v2.go`), and observations of a real one: `fixtures/kubeflow_cases`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace_components.contract.task import local_path
from headrace_components.contract.templates import to_text, whole_numbers

WORKFLOW = "pipeline-x7k2p"
_ARGO = {
    "workflow.name": WORKFLOW,
    "pod.name": f"{WORKFLOW}-impl-1",
    "workflow.namespace": "kubeflow",
}

Object = Mapping[str, Any]


def started(
    words: Sequence[str], message: Object, environment: Mapping[str, str], root: Path
) -> list[str]:
    """Returns the words of a process.

    Args:
        words: The container's command and arguments.
        message: The `ExecutorInput`.
        environment: Variables of the container.
        root: The root of the pod's file system.
    """
    values = _parameters(message["inputs"].get("parameterValues", {}))
    words = [delivered(word) for word in words]
    driven = [word if "{{$.outputs" in word else _replaced(word, values) for word in words]
    text = expanded(argo(message_text(message)), environment)
    others = _placeholders(json.loads(text), root)
    return [
        _replaced(expanded(argo(word), environment).replace("{{$}}", text), others)
        for word in driven
    ]


def message_text(message: Object) -> str:
    """Returns a message in the driver's form: compact, names sorted, without empty values."""
    inputs, outputs = message["inputs"], message["outputs"]
    shown = {
        "inputs": {
            "artifacts": _sorted(inputs.get("artifacts", {})),
            "parameterValues": _sorted(inputs.get("parameterValues", {})),
        },
        "outputs": {
            "parameters": _sorted(outputs.get("parameters", {})),
            "artifacts": _sorted(outputs.get("artifacts", {})),
            "outputFile": outputs["outputFile"],
        },
    }
    for several in (
        *shown["inputs"]["artifacts"].values(),
        *shown["outputs"]["artifacts"].values(),
    ):
        several["artifacts"] = [
            {name: part for name, part in artifact.items() if part}
            for artifact in several["artifacts"]
        ]
    filled = {
        side: {name: part for name, part in parts.items() if part} for side, parts in shown.items()
    }
    return json.dumps(whole_numbers(filled), ensure_ascii=False, separators=(",", ":"))


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def delivered(value: Any) -> Any:
    """Returns JSON data of the compiled pipeline or the run, in the form for the driver's pod."""
    if isinstance(value, Mapping):
        return {delivered(name): delivered(item) for name, item in value.items()}
    if isinstance(value, list):
        return [delivered(item) for item in value]
    return expanded(value, {}) if isinstance(value, str) else value


def argo(text: str) -> str:
    """Returns a text with Argo's tags replaced; other tags stay unchanged."""
    return re.sub(r"\{\{([\w.]+)\}\}", lambda match: _ARGO.get(match[1], match[0]), text)


def expanded(word: str, environment: Mapping[str, str]) -> str:
    """Returns a word in the form after Kubernetes: `$$` is a dollar, `$(NAME)` a variable."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[1] is None else environment.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", value, word)


def _parameters(values: Object) -> dict[str, str]:
    return {
        f"{{{{$.inputs.parameters[{quote}{name}{quote}]}}}}": _text(value)
        for name, value in values.items()
        for quote in "'\""
    }


def _placeholders(message: Object, root: Path) -> dict[str, str]:
    found = _parameters(message["inputs"].get("parameterValues", {}))
    for side in ("inputs", "outputs"):
        for name, several in message[side].get("artifacts", {}).items():
            if several["artifacts"]:
                uri = several["artifacts"][0]["uri"]
                path = str(local_path(uri, root))
                start = f"{{{{$.{side}.artifacts['{name}']"
                found |= {f"{start}.uri}}}}": uri, f"{start}.path}}}}": path}
    for name, output in message["outputs"].get("parameters", {}).items():
        found[f"{{{{$.outputs.parameters['{name}'].output_file}}}}"] = output["outputFile"]
    return found


def _replaced(text: str, placeholders: Mapping[str, str]) -> str:
    for placeholder, value in placeholders.items():
        text = text.replace(placeholder, value)
    return text


def _text(value: Any) -> str:
    text = to_text(value)
    if isinstance(value, str):
        return text
    return re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", text)

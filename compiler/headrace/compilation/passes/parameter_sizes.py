"""Measures the parameters of tasks.

All of a task's are in one JSON message, and that is one argument of a process, to which Linux gives
128 KiB.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.compilation.passes.optional_inputs import words
from headrace.compilation.passes.templates import known_value
from headrace.errors import CompileError
from headrace.ir import specs
from headrace_components.contract.declaration import module_parameter

# One argument, MAX_ARG_STRLEN of Linux, less room for URIs and metadata of artifacts.
MAX_MESSAGE_BYTES = 128 * 1024 - 16 * 1024

# The placeholder for the message in a custom job's payload.
_QUOTED_MESSAGE = "{{$.json_escape[1]}}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """The known parameters of a task, in the form in which a backend sends them.

    Attributes:
        node: The task.
        values: The parameters by name; None for one that only the run knows.
        text: The same as JSON.
    """

    node: specs.TaskNode
    values: Mapping[str, Any]
    text: str

    @property
    def quoted(self) -> str:
        """The message as a string of JSON."""
        return json.dumps(self.text, ensure_ascii=False)

    @property
    def is_sent(self) -> bool:
        """Whether the task gets any part of it on its command line."""
        return any("{{$" in word for word in words(self.node))

    def check_argument(self, target: str) -> None:
        """Checks that the message is one argument of a process.

        Args:
            target: Name of the target.

        Raises:
            CompileError: It is too long.
        """
        size = len(self.text.encode())
        # A custom job of Vertex AI has the message in the JSON of its payload, once a pool of
        # machines.
        pools = max([word.count(_QUOTED_MESSAGE) for word in words(self.node)], default=0)
        argument = max(size, pools * len(self.quoted.encode())) if pools else size
        if argument > MAX_MESSAGE_BYTES:
            why = (
                f"{target} starts a task with at most {MAX_MESSAGE_BYTES:,}: they are one argument "
                "of a process, which has 128 KiB"
            )
            if argument > size:
                why = f"as its custom job has them {argument:,}, and {why}"
            raise self.refusal(why)

    def refusal(self, why: str) -> CompileError:
        """Returns the error of a task whose parameters are too large."""
        name, size = largest(self.values)
        advice = "Put the value into a file, pass its URI, and read it in your function"
        if name == module_parameter(self.node.headrace_name):
            advice = (
                "Give `module_file` a gs:// or s3:// URI, or bake the module into an image of your "
                "own and name its function by dotted path"
            )
        return CompileError(
            f"task `{self.node.label}`: its parameters take {len(self.text.encode()):,} bytes as "
            f"JSON, of which `{name}` takes {size:,}, but {why}. {advice}."
        )


def messages(spec: Mapping[str, Any], values: Mapping[str, Any] | None) -> Iterator[Message]:
    """Yields the parameters of each task that runs in a container.

    Args:
        spec: A pipeline after all passes.
        values: Values of run parameters; those that are missing have their defaults.
    """
    root = _with_values(spec["root"], values or {})
    for node in specs.tasks(spec):
        if node.container:
            inputs = specs.parameter_inputs(node.task)
            known = {name: known_value(node, name, root) for name in inputs}
            yield Message(node=node, values=known, text=json.dumps(known, ensure_ascii=False))


def largest(values: Mapping[str, Any]) -> tuple[str, int]:
    """Returns the name of the largest value, and how many bytes it takes as JSON."""
    sizes = {
        name: len(json.dumps(value, ensure_ascii=False).encode()) for name, value in values.items()
    }
    return max(sizes.items(), key=lambda item: (item[1], item[0]))


def _with_values(root: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    declared = {
        name: {**definition, **({"defaultValue": values[name]} if name in values else {})}
        for name, definition in specs.parameters(root).items()
    }
    return {**root, "inputDefinitions": {"parameters": declared}}

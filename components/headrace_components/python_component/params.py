"""Parameters of a component of the author's own, beside those that the author declares."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError

CODE = "headrace_code"
OBJECT = "headrace_object"
PORTS = "headrace_ports"
BEAM = "beam_pipeline_args"


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonComponentParams:
    """Parameters that `authoring.python_component` sets.

    Attributes:
        headrace_code: Python file with the function or class; empty for a dotted path.
        headrace_object: The name of the function or class in the file; or a dotted path, such as
            `package.module.name`.
        headrace_ports: What the ports carry: `{"inputs": {name: port}, "outputs": {name: port},
            "parameters": {name: "Integer"}}`. A port is `{"type": "Examples", "properties":
            {"span": "INT"}}` for artifacts, or `{"value": "Integer"}` for a value, with the name of
            TFX's type of values. `execution_type` beside these is the type of the executions in ML
            Metadata.
        beam_pipeline_args: Options of Beam for code that makes a pipeline of Beam, as
            `["--runner=DataflowRunner", "--region=..."]`.
    """

    headrace_code: str = ""
    headrace_object: str
    headrace_ports: Mapping[str, Any] = field(default_factory=dict)
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        parts = self.headrace_object.split(".")
        if not all(map(str.isidentifier, parts)) or (len(parts) > 1) == bool(self.headrace_code):
            file = "is a file" if self.headrace_code else "is empty"
            raise InputError(
                f"`headrace_object` is {self.headrace_object!r} and `headrace_code` {file}, "
                "expected a name in a file, or a dotted path without one. Make the component with "
                "headrace_components.authoring.python_component(code='file.py:name')."
            )

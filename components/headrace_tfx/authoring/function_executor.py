"""Calls a `@component` function with the artifacts and values of a task."""

import inspect
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from headrace_tfx.authoring.function_signatures import FunctionSignature, is_optional
from headrace_tfx.authoring.json_types import has_type
from headrace_tfx.authoring.proto_types import is_message_type
from headrace_tfx.executing.base_beam_executor import BaseBeamExecutor
from headrace_tfx.executing.base_executor import Artifacts, BaseExecutor


class FunctionExecutor(BaseExecutor):
    """The executor of one function; a class derived from this one names it.

    Attributes:
        FUNCTION: The function.
        SIGNATURE: Its ports.
    """

    FUNCTION: ClassVar[Any]
    SIGNATURE: ClassVar[FunctionSignature]

    def Do(  # noqa: N802
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Calls the function, and keeps the values that it returns.

        Raises:
            ValueError: An input is missing, or a value is not returned.
            TypeError: A returned value has another type.
        """
        arguments = self._arguments(input_dict, output_dict, exec_properties)
        returned = type(self).FUNCTION(**arguments)
        _keep(self.SIGNATURE, returned, output_dict)

    def _arguments(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> dict[str, Any]:
        found = {}
        for name, kind in self.SIGNATURE.kinds.items():
            if kind == "beam":
                found[name] = self._pipeline()
            elif kind == "artifacts":
                found[name] = input_dict.get(name, [])
            elif kind == "output":
                found[name] = output_dict[name][0]
            elif kind == "parameter":
                if exec_properties.get(name) is not None:
                    found[name] = _parameter(self.SIGNATURE.parameters[name], exec_properties[name])
                elif name not in self.SIGNATURE.defaults:
                    raise ValueError(f"{self.SIGNATURE.name}: the parameter `{name}` has no value")
            elif artifacts := input_dict.get(name, []):
                found[name] = artifacts[0].value if kind == "value" else artifacts[0]
            elif name not in self.SIGNATURE.defaults:
                raise ValueError(f"{self.SIGNATURE.name}: the input `{name}` has no artifact")
        return found

    def _pipeline(self) -> Any:
        return None


class FunctionBeamExecutor(FunctionExecutor, BaseBeamExecutor):
    """The same for a function that gets a pipeline of Beam."""

    def _pipeline(self) -> Any:
        return self._make_beam_pipeline()


def _parameter(kind: Any, value: Any) -> Any:
    if is_message_type(kind):
        from google.protobuf import json_format

        if isinstance(value, kind):
            return value
        text = value if isinstance(value, str) else json.dumps(value)
        return json_format.Parse(text, kind())
    if isinstance(value, str) and not (inspect.isclass(kind) and kind is str):
        return json.loads(value)
    return value


def _keep(signature: FunctionSignature, returned: Any, output_dict: Artifacts) -> None:
    name = signature.name
    values = {} if returned is None else returned
    if not isinstance(values, dict):
        raise ValueError(
            f"{name} returned {returned!r}, expected a dict with {sorted(signature.returned)}"
        )
    for key, hint in signature.returned.items():
        if key not in values:
            raise ValueError(f"{name} returned no {key!r}, only {sorted(values)}")
        value = values[key]
        if value is None and not is_optional(hint):
            raise ValueError(f"{name} returned None as {key!r}, expected {_shown(hint)}")
        # A whole number is a number, as in the annotations of Python.
        number = float(value) if hint is float and type(value) is int else value
        if not has_type(number, hint) or (type(number) is bool and hint is int):
            raise TypeError(f"{name} returned {value!r} as {key!r}, expected {_shown(hint)}")
        output_dict[key][0].value = number


def _shown(hint: Any) -> str:
    return hint.__name__ if inspect.isclass(hint) else str(hint)

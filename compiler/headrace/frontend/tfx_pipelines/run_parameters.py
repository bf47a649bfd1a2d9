"""TFX's RuntimeParameters as parameters of the kfp pipeline.

TFX has whole numbers, numbers and texts, and gives dicts as JSON text. A parameter of kfp has the
type of what it stands for, so such a text is read here.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from headrace.errors import CompileError
from headrace.frontend.tfx_pipelines.naming import Names, identifier
from headrace.frontend.tfx_pipelines.plan import Code, ParameterRef, PipelineParameter, Value
from headrace_tfx.authoring.pipeline import ROOT_PARAMETER
from headrace_tfx.authoring.runtime_parameter import RuntimeParameter, parameters_in

_TypeName = Literal["str", "int", "float", "bool", "list", "dict"]
_TYPES: Mapping[Any, _TypeName] = {
    str: "str", int: "int", float: "float", bool: "bool", list: "list", dict: "dict",
}  # fmt: skip

# How a parameter that was put into a text with str() looks there; see RuntimeParameter.__repr__.
_IN_TEXT = re.compile(r'\{"__class__": "RuntimeParameter",[^{}]*\}')


class RunParameters:
    """The parameters of one pipeline.

    Attributes:
        found: Parameters by their name in TFX, in the order of their first use.
    """

    def __init__(self, names: Names, nodes: Iterable[Any]) -> None:
        """Reserves the names of the parameters of these nodes, before tasks take them."""
        self.found: dict[str, PipelineParameter] = {}
        self._names = names
        self._reserved: dict[str, str] = {}
        for node in nodes:
            for value in node.exec_properties.values():
                for parameter in parameters_in(value):
                    self._reserve(parameter.name)

    def _reserve(self, name: str) -> str:
        if name not in self._reserved:
            self._reserved[name] = self._names.new(name)
        return self._reserved[name]

    def reference(self, parameter: RuntimeParameter, wanted: type[Any]) -> ParameterRef:
        """Returns the parameter of the pipeline for one of TFX's.

        Args:
            parameter: The parameter.
            wanted: The type of our component's parameter; `object` takes that of `parameter`.

        Raises:
            ValueError: It stands for values of two types, or its default is none of the type.
        """
        kind = _TYPES.get(wanted) or _TYPES[parameter.type]
        name = self._reserve(parameter.name)
        made = PipelineParameter(
            name=name,
            type=kind,
            default=_default(parameter, kind),
            doc=parameter.description or "",
        )
        earlier = self.found.setdefault(parameter.name, made)
        if earlier.type != kind:
            raise ValueError(
                f"the RuntimeParameter {parameter.name!r} stands for a {earlier.type} elsewhere in "
                f"the pipeline and for a {kind} here, expected one type. Make a second one."
            )
        return ParameterRef(name=name)

    def in_text(self, text: str) -> Value:
        """Returns a text, as an f-string if parameters were put into it with str().

        Raises:
            ValueError: It holds the pipeline's root, or a parameter that is no text.
        """
        parts = _IN_TEXT.split(text)
        if len(parts) == 1:
            return text
        refs = [self.reference(_read(each), str).name for each in _IN_TEXT.findall(text)]
        if not any(parts):
            return ParameterRef(name=refs[0])
        pieces = [_f_string(parts[0])]
        for name, part in zip(refs, parts[1:], strict=True):
            pieces += [f"{{{name}}}", _f_string(part)]
        return Code(text=f'f"{"".join(pieces)}"')

    def listed(self) -> tuple[PipelineParameter, ...]:
        """Returns the parameters: those that a run must give first, as Python wants them."""
        return tuple(sorted(self.found.values(), key=lambda each: each.default is not None))


def given_values(spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns values that a TFX program gives its RuntimeParameters as those of kfp's parameters.

    Args:
        spec: The compiled pipeline.
        values: Values by TFX's names. Dicts and lists may be JSON text, as TFX has them.

    Raises:
        CompileError: The text for a dict or list is not JSON.
    """
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    found = {}
    for name, value in values.items():
        ours = name if name in declared else identifier(name)
        kind = declared.get(ours, {}).get("parameterType", "")
        if kind in ("STRUCT", "LIST") and isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError as error:
                raise CompileError(
                    f"parameter_values: {name!r} is {value!r}, expected JSON text: {error}."
                ) from error
        found[ours] = value
    return found


def _read(text: str) -> RuntimeParameter:
    given = json.loads(text)
    if given["name"] == ROOT_PARAMETER.name:
        raise ValueError(
            "it holds ROOT_PARAMETER in a text, but a pipeline file of kfp does not know its root. "
            "Write the path itself, or a RuntimeParameter of your own."
        )
    if given["ptype"] not in (None, "str"):
        raise ValueError(
            f"it holds the RuntimeParameter {given['name']!r} of type {given['ptype']} in a text, "
            "expected one of type str. Change its `ptype`."
        )
    return RuntimeParameter(given["name"], str, given["default"], given["description"])


def _f_string(text: str) -> str:
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    return escaped.replace("{", "{{").replace("}", "}}")


def _default(parameter: RuntimeParameter, kind: _TypeName) -> Value:
    given = parameter.default
    if given is None:
        return None
    if kind in ("dict", "list"):
        try:
            found = json.loads(str(given))
        except ValueError as error:
            raise ValueError(
                f"the RuntimeParameter {parameter.name!r} has the default {given!r}, expected JSON "
                f"text of a {kind}: {error}."
            ) from error
        if type(found).__name__ != kind:
            raise ValueError(
                f"the RuntimeParameter {parameter.name!r} has the default {given!r}, which is JSON "
                f"of type {type(found).__name__}, expected a {kind}."
            )
        return found
    if kind == "bool":
        return bool(given)
    return float(given) if kind == "float" else given

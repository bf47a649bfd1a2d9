"""Renders `docs/components.md`: a section per component, then one per artifact type."""

import inspect
from collections.abc import Mapping

from headrace_components import artifacts
from headrace_components.contract.artifact_types import ArtifactType
from headrace_components.contract.declaration import (
    Component,
    Input,
    Output,
    Parameter,
    catalogue,
    find,
)

_HEAD = """\
# Components

Import components from `headrace_components.catalog`. Inputs, outputs and parameters have the same
names as in TFX. A dict uses the JSON field names of the TFX proto that its description names.
`make generate` writes this page from the declarations of the components.
"""
_CLASSES = {each.schema_title: each.__name__ for each in artifacts.ARTIFACT_TYPES}
_JSON_NAMES = {
    str: "String",
    int: "Integer",
    float: "Float",
    bool: "Boolean",
    list: "List",
    dict: "Dict",
}


def text() -> str:
    """Returns the page."""
    found = [each for name in catalogue() if (each := find(name))]
    sections = [_HEAD, *map(_component, found), "# Artifacts\n"]
    for kind in artifacts.ARTIFACT_TYPES:
        doc = inspect.cleandoc(kind.__doc__ or "")
        sections.append(f"## {kind.__name__}\n\nType `{kind.tfx_title}`. {doc}\n")
    return "\n".join(sections)


def _component(declared: Component) -> str:
    doc = inspect.cleandoc(declared.doc)
    parameters = declared.declared_parameters()
    return "\n".join(
        [
            f"## {declared.name}\n\n{doc}\n\nImage `{declared.name}`.\n",
            *_ports("Input", declared.inputs),
            *_ports("Output", declared.outputs),
            *_table("Parameter", "Default", [(p.name, _default(p), p.doc) for p in parameters]),
        ]
    )


def _ports(heading: str, ports: Mapping[str, Input] | Mapping[str, Output]) -> list[str]:
    return _table(heading, "Type", [(name, _type(port), port.doc) for name, port in ports.items()])


def _table(first: str, second: str, rows: list[tuple[str, str, str]]) -> list[str]:
    lines = [f"| `{name}` | {value} | {_one_line(doc)} |" for name, value, doc in rows]
    return [f"| {first} | {second} | |", "|---|---|---|", *lines, ""] if lines else []


def _type(port: Input | Output) -> str:
    if not isinstance(port.type, ArtifactType):
        return _JSON_NAMES[port.type]
    kind = _CLASSES.get(port.type.schema_title, port.type.schema_title)
    return f"{kind}, optional" if isinstance(port, Input) and port.optional else kind


def _default(parameter: Parameter) -> str:
    if parameter.is_required:
        return f"{_JSON_NAMES[parameter.type]}, required"
    return f"`{parameter.default!r}`"


def _one_line(doc: str) -> str:
    return " ".join(doc.split()).replace("|", "\\|")

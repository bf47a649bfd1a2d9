"""Renders docs/components.md from what the components declare: `python docs/catalogue.py`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docstring_parser import parse

from headrace_components import artifacts, catalog
from headrace_components.contract.image_names import IMAGE_PREFIX

PAGE = Path(__file__).with_name("components.md")

_HEAD = """\
# Components

Import components from `headrace_components.catalog`. Inputs, outputs and parameters have the same
names as in TFX. A dict uses the JSON field names of the TFX proto that its description names.
`make golden` writes this page from the code.
"""
_TITLES = {each.schema_title: each.__name__ for each in artifacts.ARTIFACT_TYPES}


def render() -> str:
    """Returns the page: a section a component, then one an artifact type."""
    sections = [_HEAD, *(_component(name) for name in catalog.__all__), "# Artifacts\n"]
    for kind in artifacts.ARTIFACT_TYPES:
        lines = (kind.__doc__ or "").splitlines()
        text = "\n".join(line.strip() for line in lines).strip()
        sections.append(f"## {kind.__name__}\n\nType `{kind.tfx_title}`. {text}\n")
    return "\n".join(sections)


def _component(name: str) -> str:
    component = getattr(catalog, name)
    spec = component.component_spec
    image = spec.implementation.container.image.removeprefix(IMAGE_PREFIX)
    # kfp keeps what the docstring says of inputs, and drops what it says of outputs.
    told = {
        each.arg_name: each.description for each in parse(component.pipeline_func.__doc__).params
    }
    inputs, outputs = dict(spec.inputs or {}), dict(spec.outputs or {})
    rows = [
        ("Input", "Type", {key: _type(port) for key, port in inputs.items() if _is_artifact(port)}),
        ("Output", "Type", {key: _type(port) for key, port in outputs.items()}),
        (
            "Parameter",
            "Default",
            {key: _default(port) for key, port in inputs.items() if not _is_artifact(port)},
        ),
    ]
    parts = [f"## {name}", "", spec.description or "", "", f"Image `{image}`.", ""]
    for first, second, ports in rows:
        parts += _table(first, second, ports, told)
    return "\n".join(parts)


def _table(
    first: str, second: str, ports: Mapping[str, str], told: Mapping[str, str | None]
) -> list[str]:
    lines = [f"| `{key}` | {value} | {_one_line(told[key])} |" for key, value in ports.items()]
    return [f"| {first} | {second} | |", "|---|---|---|", *lines, ""] if lines else []


def _is_artifact(port: Any) -> bool:
    return port.type.startswith("system.")


def _type(port: Any) -> str:
    title = port.type.split("@")[0]
    kind = _TITLES.get(title, title)
    return f"{kind}, optional" if getattr(port, "optional", False) else kind


def _default(port: Any) -> str:
    return f"`{port.default!r}`" if port.optional else f"{port.type}, required"


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")

"""How a notebook shows artifacts, channels, nodes and results: as tables that unfold."""

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.authoring.channels import BaseChannel
from headrace_tfx.authoring.nodes import BaseNode
from headrace_tfx.notebooks.results import ExecutionResult

_BOX = "border:1px solid #8886;border-radius:6px;padding:4px 10px;margin:2px 0;text-align:left"
_TABLE = "border-collapse:collapse;margin:4px 0 0 0"
_CELL = "text-align:left;vertical-align:top;border:0;padding:2px 10px 2px 0"

# Texts that are longer, such as the options of a component, are cut.
_MOST_CHARACTERS = 2000


def register_formatters() -> None:
    """Has IPython show TFX's objects as tables, if this is IPython."""
    import sys

    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return
    formatter = shell.display_formatter.formatters["text/html"]
    for cls in _FORMS:
        formatter.for_type(cls, render)


def render(item: Any) -> str:
    """Returns the HTML of an artifact, a channel, a node or a result."""
    return _object(item, seen=(), is_open=True)


def _object(item: Any, seen: Sequence[int], *, is_open: bool) -> str:
    if id(item) in seen:
        return "(shown above)"
    form = next(form for cls, form in _FORMS.items() if isinstance(item, cls))
    title, attributes = form(item)
    inner = (*seen, id(item))
    rows = _rows(((f".{name}", value) for name, value in attributes.items()), inner)
    mark = " open" if is_open else ""
    return (
        f'<details{mark} style="{_BOX}"><summary style="cursor:pointer">{title}</summary>'
        f"{rows}</details>"
    )


def _rows(pairs: Iterable[tuple[str, Any]], seen: Sequence[int]) -> str:
    rows = "".join(
        f'<tr style="background:none"><td style="{_CELL}"><b>{html.escape(name)}</b></td>'
        f'<td style="{_CELL}">{_value(value, seen)}</td></tr>'
        for name, value in pairs
    )
    return f'<table style="{_TABLE}">{rows}</table>'


def _value(value: Any, seen: Sequence[int]) -> str:
    if isinstance(value, tuple(_FORMS)):
        return _object(value, seen, is_open=False)
    if isinstance(value, Mapping):
        pairs = [(f"[{key!r}]", each) for key, each in value.items()]
        return _rows(pairs, seen) if pairs else "{}"
    if isinstance(value, list):
        pairs = [(f"[{index}]", each) for index, each in enumerate(value)]
        return _rows(pairs, seen) if pairs else "[]"
    text = str(value)
    cut = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
    return f'<span style="white-space:pre-wrap">{html.escape(cut)}</span>'


def _artifact(item: Artifact) -> tuple[str, dict[str, Any]]:
    title = (
        f"<b>Artifact</b> of type <b>{html.escape(item.type_name)}</b> "
        f"(uri: {html.escape(item.uri)})"
    )
    custom = {name: each.value for name, each in sorted(item._custom.items())}
    declared = {name: getattr(item, name) for name in sorted(item.PROPERTIES or {})}
    return title, {"type": item.type, "uri": item.uri, "id": item.id, **declared, **custom}


def _channel(item: BaseChannel) -> tuple[str, dict[str, Any]]:
    found = list(item.get()) if hasattr(item, "get") else []
    noun = "artifact" if len(found) == 1 else "artifacts"
    title = f"<b>Channel</b> of type <b>{html.escape(item.type_name)}</b> ({len(found)} {noun})"
    return title, {"type_name": item.type_name, "artifacts": found}


def _node(item: BaseNode) -> tuple[str, dict[str, Any]]:
    name = type(item).__name__
    title = f"<b>{html.escape(name)}</b>"
    if item.id != name:
        title += f" {html.escape(item.id)}"
    return title, {
        "inputs": item.inputs,
        "outputs": item.outputs,
        "exec_properties": item.exec_properties,
    }


def _result(item: ExecutionResult) -> tuple[str, dict[str, Any]]:
    title = f"<b>ExecutionResult</b> of {html.escape(item.component.id)}"
    return title, {
        "execution_id": item.execution_id,
        "component": item.component,
        "component.inputs": item.component.inputs,
        "component.outputs": item.component.outputs,
    }


_FORMS: Mapping[type, Callable[[Any], tuple[str, dict[str, Any]]]] = {
    Artifact: _artifact,
    BaseChannel: _channel,
    BaseNode: _node,
    ExecutionResult: _result,
}

"""Properties of artifacts whose types their metadata alone would not tell.

Metadata carries texts and numbers. The properties of TFX's own types are declared in
`artifact_types.py`. For an artifact of another type, or with custom properties that are not texts,
the metadata has one more entry:

    property_types   {"num_rows": "INT", "columns": "STRUCT", "custom:is_sorted": "BOOLEAN"}

It has the type in ML Metadata of each declared property, and with `custom:` of each custom property
that is not a text. A `BOOLEAN` is 1 or 0, a `STRUCT` is JSON text, a `PROTO` is a serialized
`google.protobuf.Any` in base64. Standard library only.
"""

import json
from collections.abc import Mapping
from typing import Any

KEY = "property_types"
CUSTOM = "custom:"

IMPORTED_KEY = "__output_key__"
"""In the metadata of an importer: TFX's name of its output, if that is not `result`."""

VALUES_FILE = "values.json"
"""Beside the output message of a task of the author's own code: TFX's types and properties of the
values that it returned, which no backend carries."""

KINDS = ("BOOLEAN", "DOUBLE", "INT", "PROTO", "STRING", "STRUCT")
"""The types that ML Metadata has."""


def encoded(kind: str, value: Any) -> str | int | float:
    """Returns a value in the form for metadata.

    Args:
        kind: One of `KINDS`.
        value: The value; of a `PROTO`, its base64 text.
    """
    if kind == "STRUCT":
        return json.dumps(value, sort_keys=True)
    if kind == "DOUBLE":
        return float(value)
    return int(value) if kind in ("BOOLEAN", "INT") else str(value)


def decoded(kind: str, value: Any) -> Any:
    """Returns the value of an entry of metadata; a backend may have made a float of an integer."""
    if kind == "STRUCT":
        return json.loads(value)
    if kind == "BOOLEAN":
        return bool(int(value))
    if kind == "DOUBLE":
        return float(value)
    return int(value) if kind == "INT" else str(value)


def entry(declared: Mapping[str, str], custom: Mapping[str, str]) -> dict[str, str]:
    """Returns the entry of metadata with these types; nothing if there are none."""
    types = {**declared, **{f"{CUSTOM}{name}": kind for name, kind in custom.items()}}
    return {KEY: json.dumps(types, sort_keys=True)} if types else {}


def types_in(metadata: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Returns the types of declared and of custom properties, by name."""
    text = metadata.get(KEY, "")
    found: dict[str, str] = json.loads(text) if isinstance(text, str) and text else {}
    custom = {name: kind for name, kind in found.items() if name.startswith(CUSTOM)}
    declared = {name: kind for name, kind in found.items() if name not in custom}
    return declared, {name.removeprefix(CUSTOM): kind for name, kind in custom.items()}

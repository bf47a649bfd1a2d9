"""Rows of TFRecord files as plain values: tf.Examples and tf.SequenceExamples."""

from typing import Any

from headrace_components.library.previews.wire import Spec, decode

_FEATURE: Spec = {
    1: ("bytes", {1: ("value*", "bytes")}),
    2: ("float", {1: ("value*", "float")}),
    3: ("int", {1: ("value*", "int")}),
}
# The values stay bytes until they are shown: of 5,000 features a page shows a few.
_FEATURES: Spec = {1: ("feature*", {1: ("key", "text"), 2: ("value", "bytes")})}
_EXAMPLE: Spec = {1: ("features", _FEATURES)}
_LISTS: Spec = {
    1: ("feature_list*", {1: ("key", "text"), 2: ("value", {1: ("feature*", "bytes")})})
}
_SEQUENCE: Spec = {1: ("context", _FEATURES), 2: ("feature_lists", _LISTS)}

_TYPES = {"bytes": "bytes", "float": "float", "int": "int64"}


def examples_row(record: bytes) -> dict[str, bytes]:
    """Returns the features of a tf.Example by name, still encoded.

    Raises:
        ValueError: The record is not one.
    """
    return _encoded(decode(record, _EXAMPLE)["features"])


def sequence_row(record: bytes) -> dict[str, Any]:
    """Returns the features of a tf.SequenceExample: bytes of the context, lists of the sequences.

    Raises:
        ValueError: The record is not one.
    """
    found = decode(record, _SEQUENCE)
    row: dict[str, Any] = dict(_encoded(found["context"]))
    for entry in (found["feature_lists"] or {}).get("feature_list", []):
        row[entry["key"] or ""] = (entry["value"] or {"feature": []})["feature"]
    return row


def feature_values(encoded: Any) -> tuple[str, list[Any]]:
    """Returns the type of an encoded feature and its values, steps of values for a sequence."""
    if isinstance(encoded, list):
        steps = [feature_values(step) for step in encoded]
        kind = next((kind for kind, _ in steps if kind), "")
        return f"sequence of {kind or 'nothing'}", [values for _, values in steps]
    for name, part in decode(encoded, _FEATURE).items():
        if part is not None:
            return _TYPES[name], part["value"]
    return "", []


def _encoded(features: dict[str, Any] | None) -> dict[str, bytes]:
    entries = features["feature"] if features else []
    return {entry["key"] or "": entry["value"] or b"" for entry in entries}

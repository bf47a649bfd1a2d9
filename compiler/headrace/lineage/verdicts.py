"""The verdicts that artifacts carry in their metadata, in words for people."""

import json
from collections.abc import Mapping
from typing import Any


def verdict_of(kind: str, metadata: Mapping[str, Any]) -> str:
    """Returns the decision about a model or data; empty for an artifact without a decision.

    Args:
        kind: Schema title of the artifact, with or without its namespace.
        metadata: Its metadata, in the form of `headrace_components.artifacts` or of TFX.

    Returns:
        Words such as `not blessed`, or `pushed to /models/penguins/3`.
    """
    name = kind.rpartition(".")[2]
    if name in ("ModelBlessing", "InfraBlessing") and "blessed" in metadata:
        return "blessed" if _is_set(metadata["blessed"]) else "not blessed"
    if name == "PushedModel" and "pushed" in metadata:
        if not _is_set(metadata["pushed"]):
            return "not pushed"
        return f"pushed to {metadata.get('pushed_destination', '')}".removesuffix(" to ")
    if name == "ExampleAnomalies" and "blessed" in metadata:
        return _of_splits(str(metadata["blessed"]))
    if "num_predictions" in metadata:
        rows = int(metadata["num_predictions"])
        return f"{rows:,} predictions" if rows else "nothing is predicted"
    return ""


def _is_set(value: Any) -> bool:
    # Some stores return whole numbers as floats, others as text.
    return str(value) in ("1", "1.0")


def _of_splits(text: str) -> str:
    try:
        found = [split for split, blessed in json.loads(text).items() if blessed == 0]
    except (ValueError, AttributeError):
        return ""
    return f"anomalies in {', '.join(sorted(found))}" if found else "no anomalies"

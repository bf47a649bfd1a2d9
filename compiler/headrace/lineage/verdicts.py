"""The verdicts that artifacts carry in their metadata, in words for people."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace_components.contract import reasons


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a task found out about a model or data.

    Attributes:
        task: Path of the task within the pipeline.
        text: The decision, such as `not blessed`, or `pushed to /models/penguins/3`.
        is_good: False if a person should look at it; None if there was nothing to decide, as in a
            comparison without a baseline.
        reasons: Why, in short texts without a full stop, the most important first.
    """

    task: str
    text: str
    is_good: bool | None
    reasons: tuple[str, ...] = ()


def verdict_of(kind: str, metadata: Mapping[str, Any]) -> str:
    """Returns the decision about a model or data; empty for an artifact without a decision.

    Args:
        kind: Schema title of the artifact, with or without its namespace.
        metadata: Its metadata, in the form of `headrace_components.artifacts` or of TFX.

    Returns:
        Words such as `not blessed`, or `pushed to /models/penguins/3`.
    """
    return _decision(kind, metadata)[0]


def verdict_on(task: str, kind: str, metadata: Mapping[str, Any]) -> Verdict | None:
    """Returns the verdict that an output of a task carries; None for one without a decision.

    What a task found in an earlier run is the verdict of that run.
    """
    if "found" in metadata:
        return None
    text, is_good = _decision(kind, metadata)
    if not text:
        return None
    why = reasons.from_metadata(metadata)
    return Verdict(task=task, text=text, is_good=is_good, reasons=why)


def _decision(kind: str, metadata: Mapping[str, Any]) -> tuple[str, bool | None]:
    name = kind.rpartition(".")[2]
    if name in ("ModelBlessing", "InfraBlessing") and "blessed" in metadata:
        is_good = _is_set(metadata["blessed"])
        return "blessed" if is_good else "not blessed", is_good
    if name == "PushedModel" and "pushed" in metadata:
        if not _is_set(metadata["pushed"]):
            return "not pushed", False
        return f"pushed to {metadata.get('pushed_destination', '')}".removesuffix(" to "), True
    if name == "ExampleAnomalies" and "blessed" in metadata:
        return _of_splits(str(metadata["blessed"]))
    if name == "ModelRun" and "has_finite_loss" in metadata:
        is_good = _is_set(metadata["has_finite_loss"])
        return ("", True) if is_good else ("the loss is not a finite number", False)
    if "num_predictions" in metadata:
        rows = int(metadata["num_predictions"])
        return f"{rows:,} predictions" if rows else "nothing is predicted", rows > 0
    return "", None


def _is_set(value: Any) -> bool:
    # Some stores return whole numbers as floats, others as text.
    return str(value) in ("1", "1.0")


def _of_splits(text: str) -> tuple[str, bool | None]:
    try:
        blessed = {str(split): value for split, value in json.loads(text).items()}
    except (ValueError, AttributeError):
        return "", None
    found = sorted(split for split, value in blessed.items() if value == 0)
    if found:
        return f"anomalies in {', '.join(found)}", False
    # TFX writes 2 for a split that has no baseline.
    if blessed and all(value == 2 for value in blessed.values()):
        return "nothing to compare with", None
    return "no anomalies", True

"""Writes Anomalies messages, and describes their contents for people."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2

from headrace_components.contract import reasons

FILE_NAME = "SchemaDiff.pb"

# An error is for people to read; SchemaDiff.pb and the log have the rest.
_NUM_NAMED_ANOMALIES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Anomaly:
    """One contradiction, in TFDV's words.

    Attributes:
        split: Name of the split, or of the pair of splits.
        feature: Path of the feature, or `(data set)` if the anomaly is not about a single feature.
        summary: What is wrong, in a few words.
        detail: The same with values and counts; may be empty.
    """

    split: str
    feature: str
    summary: str
    detail: str


def write(diff: anomalies_pb2.Anomalies, directory: Path) -> None:
    """Writes `SchemaDiff.pb` under `directory`, which is created if necessary."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / FILE_NAME).write_bytes(diff.SerializeToString(deterministic=True))


def found(split: str, diff: anomalies_pb2.Anomalies) -> list[Anomaly]:
    """Returns the anomalies of a message, sorted by feature; that of the whole data set is last."""
    infos = [(name, diff.anomaly_info[name]) for name in sorted(diff.anomaly_info)]
    if diff.HasField("dataset_anomaly_info"):
        infos.append(("(data set)", diff.dataset_anomaly_info))
    return [
        Anomaly(
            split=split,
            feature=".".join(info.path.step) or name,
            summary=summary_of(info),
            detail=info.description or "; ".join(_details(info.reason)),
        )
        for name, info in infos
    ]


def summary_of(info: Any) -> str:
    """Returns a description of an anomaly, or of one of its reasons.

    TFDV gives some no text: for these the description is the name of their type.
    """
    if info.short_description:
        return str(info.short_description)
    reasons = getattr(info, "reason", None)
    if reasons:
        return "; ".join(summary_of(reason) for reason in reasons)
    name = anomalies_pb2.AnomalyInfo.Type.Name(getattr(info, "type", 0))
    return str(name).replace("_", " ").capitalize()


def _details(reasons: Iterable[Any]) -> Iterator[str]:
    return (reason.description for reason in reasons if reason.description)


def listed(anomalies: Sequence[Anomaly]) -> str:
    """Returns the first ten anomalies and the number of the others, in one line."""
    named = [
        f"split {anomaly.split!r}, {anomaly.feature}: {anomaly.summary}"
        for anomaly in anomalies[:_NUM_NAMED_ANOMALIES]
    ]
    more = len(anomalies) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def reasons_text(anomalies: Sequence[Anomaly]) -> dict[str, str]:
    """Returns metadata with what is wrong, for the artifact that has the anomalies."""
    found = [f"{anomaly.split}, {anomaly.feature}: {anomaly.summary}" for anomaly in anomalies]
    return {reasons.KEY: reasons.to_text(found)} if found else {}


def table(anomalies: Sequence[Anomaly]) -> str:
    """Returns all anomalies as a table for the log."""
    header = ("split", "feature", "anomaly", "detail")
    rows = [header, *((item.split, item.feature, item.summary, item.detail) for item in anomalies)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )

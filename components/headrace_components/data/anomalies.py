"""Writes Anomalies messages, and tells people what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tensorflow_metadata.proto.v0 import anomalies_pb2

FILE_NAME = "SchemaDiff.pb"

# An error is for a person to read; SchemaDiff.pb and the log hold the rest.
_NUM_NAMED_ANOMALIES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Anomaly:
    """One contradiction, in TFDV's words.

    Attributes:
        split: Name of the split, or of the pair of splits.
        feature: Path of the feature, or `(data set)` where no single feature is to blame.
        summary: What is wrong, in a few words.
        detail: The same with values and counts; may be empty.
    """

    split: str
    feature: str
    summary: str
    detail: str


def write(diff: anomalies_pb2.Anomalies, directory: Path) -> None:
    """Writes `SchemaDiff.pb` under `directory`, which is made where it is missing."""
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
            summary=info.short_description,
            detail=info.description,
        )
        for name, info in infos
    ]


def listed(anomalies: Sequence[Anomaly]) -> str:
    """Returns the first ten anomalies as one line, and counts the rest."""
    named = [
        f"split {anomaly.split!r}, {anomaly.feature}: {anomaly.summary}"
        for anomaly in anomalies[:_NUM_NAMED_ANOMALIES]
    ]
    more = len(anomalies) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def table(anomalies: Sequence[Anomaly]) -> str:
    """Returns all anomalies as a table for the log."""
    header = ("split", "feature", "anomaly", "detail")
    rows = [header, *((item.split, item.feature, item.summary, item.detail) for item in anomalies)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )

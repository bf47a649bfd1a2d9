"""Finds where the data contradicts the schema."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from headrace_components.data import schemas, splits, statistics
from headrace_components.errors import InputError
from headrace_components.example_validator.params import ExampleValidatorParams
from headrace_components.parameters import read
from headrace_components.task import Task

FILE_NAME = "SchemaDiff.pb"

# An error is for a person to read; SchemaDiff.pb and the log hold the rest.
_NUM_NAMED_ANOMALIES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class _Anomaly:
    """One contradiction, in TFDV's words.

    Attributes:
        split: Name of the split.
        feature: Path of the feature, or `(data set)` where no single feature is to blame.
        summary: What is wrong, in a few words.
        detail: The same with values and counts; may be empty.
    """

    split: str
    feature: str
    summary: str
    detail: str


def execute(task: Task) -> None:
    """Writes `Split-<name>/SchemaDiff.pb` under the `anomalies` output, one file per split."""
    params = read(ExampleValidatorParams, task.params, task.component)
    source = task.input("statistics")
    names = splits.selected(source, params.exclude_splits, task.component)
    schema = schemas.read(task.input("schema").path, task.component)
    _check_environment(schema, params.environment)
    output = task.output("anomalies")
    found: dict[str, list[_Anomaly]] = {}
    for name in names:
        split = statistics.read(splits.directory(source, name), task.component)
        diff = tfdv.validate_statistics(split, schema, environment=params.environment or None)
        _write(diff, splits.directory(output, name))
        found[name] = _anomalies(name, diff)
    splits.describe(source, output, names)
    output.metadata["blessed"] = json.dumps({name: int(not found[name]) for name in names})
    _report([anomaly for name in names for anomaly in found[name]], names, params)


def _check_environment(schema: schema_pb2.Schema, environment: str) -> None:
    known = list(schema.default_environment)
    if environment and environment not in known:
        raise InputError(
            f"example_validator: `environment` is {environment!r}, but the schema's "
            f"`default_environment`s are {known}. Name one of those, or add it to the schema and "
            "bring that in with import_schema_gen."
        )


def _write(diff: anomalies_pb2.Anomalies, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / FILE_NAME).write_bytes(diff.SerializeToString(deterministic=True))


def _anomalies(split: str, diff: anomalies_pb2.Anomalies) -> list[_Anomaly]:
    infos = [(name, diff.anomaly_info[name]) for name in sorted(diff.anomaly_info)]
    if diff.HasField("dataset_anomaly_info"):
        infos.append(("(data set)", diff.dataset_anomaly_info))
    return [
        _Anomaly(
            split=split,
            feature=".".join(info.path.step) or name,
            summary=info.short_description,
            detail=info.description,
        )
        for name, info in infos
    ]


def _report(
    anomalies: Sequence[_Anomaly], names: Sequence[str], params: ExampleValidatorParams
) -> None:
    if not anomalies:
        logging.info("The splits %s agree with the schema.", list(names))
        return
    logging.warning("The data contradicts the schema:\n%s", _table(anomalies))
    if params.fail_on_anomalies:
        raise InputError(
            f"example_validator: the data contradicts the schema in {len(anomalies)} "
            f"{'feature' if len(anomalies) == 1 else 'features'}: {_listed(anomalies)}. Correct "
            "the data; or, if it is right, widen the schema and bring it in with "
            "import_schema_gen; or record anomalies only, with `fail_on_anomalies` false."
        )


def _listed(anomalies: Sequence[_Anomaly]) -> str:
    named = [
        f"split {anomaly.split!r}, {anomaly.feature}: {anomaly.summary}"
        for anomaly in anomalies[:_NUM_NAMED_ANOMALIES]
    ]
    more = len(anomalies) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def _table(anomalies: Sequence[_Anomaly]) -> str:
    header = ("split", "feature", "anomaly", "detail")
    rows = [header, *((item.split, item.feature, item.summary, item.detail) for item in anomalies)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )

"""Finds contradictions between the data and the schema."""

import json
import logging
from collections.abc import Sequence

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from headrace_components.contract.errors import FindingsError, InputError
from headrace_components.contract.notices import announce
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.example_validator.params import ExampleValidatorParams
from headrace_components.library.data import anomalies, schemas, splits, statistics
from headrace_components.library.data.anomalies import Anomaly
from headrace_components.library.data.split_types import add_anomalies
from headrace_components.library.reports.anomalies import anomalies_report


def execute(task: Task) -> None:
    """Writes `Split-<name>/SchemaDiff.pb` under `anomalies`, and the page `report`."""
    params = read(ExampleValidatorParams, task.params, task.component)
    source = task.input("statistics")
    names = splits.selected(source, params.exclude_splits)
    schema = schemas.read(task.input("schema").path)
    _check_environment(schema, params.environment)
    output = task.output("anomalies")
    found: dict[str, list[Anomaly]] = {}
    diffs: dict[str, anomalies_pb2.Anomalies] = {}
    for name in names:
        split = statistics.read(splits.directory(source, name))
        diff = tfdv.validate_statistics(split, schema, environment=params.environment or None)
        add_anomalies(diff, schema, split)
        anomalies.write(diff, splits.directory(output, name))
        found[name] = anomalies.found(name, diff)
        diffs[name] = diff
    splits.describe(source, output, names)
    output.metadata["blessed"] = json.dumps({name: int(not found[name]) for name in names})
    task.output("report").path.write_bytes(
        anomalies_report("Data and schema", "The data agrees with the schema.", diffs)
    )
    contradictions = [anomaly for name in names for anomaly in found[name]]
    output.metadata.update(anomalies.reasons_text(contradictions))
    _report(contradictions, names, params)


def _check_environment(schema: schema_pb2.Schema, environment: str) -> None:
    known = list(schema.default_environment)
    if environment and environment not in known:
        raise InputError(
            f"`environment` is {environment!r}, but the schema's "
            f"`default_environment`s are {known}. Name one of those, or add it to the schema and "
            "bring that in with import_schema_gen."
        )


def _report(
    contradictions: Sequence[Anomaly], names: Sequence[str], params: ExampleValidatorParams
) -> None:
    if not contradictions:
        logging.info("The splits %s agree with the schema.", list(names))
        return
    logging.warning("The data contradicts the schema:\n%s", anomalies.table(contradictions))
    summary = (
        f"the data contradicts the schema in {len(contradictions)} "
        f"{'feature' if len(contradictions) == 1 else 'features'}: "
        f"{anomalies.listed(contradictions)}."
    )
    if params.fail_on_anomalies:
        raise FindingsError(
            f"{summary} Correct the data; or, if it is right, widen the schema and bring it in "
            "with import_schema_gen; or record anomalies only, with `fail_on_anomalies` false."
        )
    announce("%s", summary)

"""Writes the statistics of the rows before and after the transform."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Task
from headrace_components.library.data import schemas, statistics
from headrace_components.library.user_code import user_module
from headrace_components.transform.stats_options_util import StatsType

Updater = Callable[..., tfdv.StatsOptions] | None


def options_before(
    component: str, schema: schema_pb2.Schema, updater: Updater
) -> tfdv.StatsOptions:
    """Returns the options for the statistics of the analyzed rows.

    Args:
        component: Name of the component, for the log.
        schema: Schema of the raw rows.
        updater: The user's `stats_options_updater_fn`, or None.
    """
    return _options(component, updater, StatsType.PRE_TRANSFORM, schema, None)


def options_after(
    component: str, schema: schema_pb2.Schema, vocabularies: Mapping[str, str], updater: Updater
) -> tfdv.StatsOptions:
    """Returns the options for the statistics of the transformed rows.

    Args:
        component: Name of the component, for the log.
        schema: Schema of the transformed rows.
        vocabularies: Locations of vocabulary files, by the name that the author gave them.
        updater: The user's `stats_options_updater_fn`, or None.
    """
    return _options(component, updater, StatsType.POST_TRANSFORM, schema, dict(vocabularies))


def write_before(
    task: Task, result: statistics_pb2.DatasetFeatureStatisticsList, options: tfdv.StatsOptions
) -> None:
    """Writes `pre_transform_stats` and `pre_transform_schema`."""
    statistics.write(result, task.output("pre_transform_stats").path)
    if options.schema is not None:
        schemas.write(options.schema, task.output("pre_transform_schema").path)


def write_after(
    task: Task, result: statistics_pb2.DatasetFeatureStatisticsList, options: tfdv.StatsOptions
) -> None:
    """Writes `post_transform_stats`, `post_transform_schema` and `post_transform_anomalies`."""
    statistics.write(result, task.output("post_transform_stats").path)
    if options.schema is None:
        return
    schemas.write(options.schema, task.output("post_transform_schema").path)
    anomalies = tfdv.validate_statistics(result, options.schema)
    target = task.output("post_transform_anomalies").path / "SchemaDiff.pb"
    target.write_bytes(anomalies.SerializeToString(deterministic=True))


def _options(
    component: str,
    updater: Updater,
    kind: StatsType,
    schema: schema_pb2.Schema,
    vocab_paths: dict[str, str] | None,
) -> tfdv.StatsOptions:
    own = schema_pb2.Schema()  # a copy: the user's function may change it
    own.CopyFrom(schema)
    # For Transform's statistics, TFX counts the top values with a sketch.
    options = tfdv.StatsOptions(
        schema=own, vocab_paths=vocab_paths, use_sketch_based_topk_uniques=True
    )
    if updater is None:
        return options
    updated: Any = user_module.call_user_function(component, updater, kind, options)
    if not isinstance(updated, tfdv.StatsOptions):
        raise InputError(
            f"stats_options_updater_fn returned {type(updated).__name__}, expected "
            "tfdv.StatsOptions. Return the options it was given, changed or not."
        )
    return updated

"""Writes the statistics of the rows before and after the transform."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_components.data import schemas, statistics
from headrace_components.errors import InputError
from headrace_components.task import Task
from headrace_components.transform.stats_options_util import StatsType
from headrace_components.user_code import user_module

Updater = Callable[..., tfdv.StatsOptions] | None


def write_before(
    task: Task, batches: Iterable[pa.RecordBatch], schema: schema_pb2.Schema, updater: Updater
) -> None:
    """Writes `pre_transform_stats` and `pre_transform_schema`.

    Args:
        task: Where the outputs go.
        batches: The rows that were analyzed.
        schema: Schema of the raw rows.
        updater: The user's `stats_options_updater_fn`, or None.
    """
    options = _options(task.component, updater, StatsType.PRE_TRANSFORM, schema, None)
    result = statistics.compute(batches, options, component=task.component)
    statistics.write(result, task.output("pre_transform_stats").path)
    if options.schema is not None:
        schemas.write(options.schema, task.output("pre_transform_schema").path)


def write_after(
    task: Task,
    batches: Iterable[pa.RecordBatch],
    schema: schema_pb2.Schema,
    vocabularies: Mapping[str, Path],
    updater: Updater,
) -> None:
    """Writes `post_transform_stats`, `post_transform_schema` and `post_transform_anomalies`.

    Args:
        task: Where the outputs go.
        batches: The transformed rows.
        schema: Schema of the transformed rows.
        vocabularies: Vocabulary files by the name their author gave them.
        updater: The user's `stats_options_updater_fn`, or None.
    """
    paths = {name: str(path) for name, path in vocabularies.items()}
    options = _options(task.component, updater, StatsType.POST_TRANSFORM, schema, paths)
    result = statistics.compute(batches, options, component=task.component)
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
    # TFX counts the top values of Transform's statistics by a sketch.
    options = tfdv.StatsOptions(
        schema=own, vocab_paths=vocab_paths, use_sketch_based_topk_uniques=True
    )
    if updater is None:
        return options
    updated: Any = user_module.call_user_function(component, updater, kind, options)
    if not isinstance(updated, tfdv.StatsOptions):
        raise InputError(
            f"{component}: stats_options_updater_fn returned {type(updated).__name__}, expected "
            "tfdv.StatsOptions. Return the options it was given, changed or not."
        )
    return updated

"""Writes an evaluation to TFMA's files, and reads the parts that the verdict needs."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.evaluators import metrics_validator
from tensorflow_model_analysis.metrics import metric_specs, metric_types
from tensorflow_model_analysis.proto import (
    config_pb2,
    metrics_for_slice_pb2,
    validation_result_pb2,
)
from tensorflow_model_analysis.slicer import slicer_lib
from tensorflow_model_analysis.utils import model_util
from tensorflow_model_analysis.version import VERSION
from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as tfma_writer

from headrace_components.library.data.tfrecord import read_records

SlicedMetrics = tuple[Any, dict[Any, Any]]
"""A TFMA slice key, and results by TFMA metric, plot or attributions key."""


def write_config(
    config: Any, output: Path, *, data_location: str, model_locations: Mapping[str, str]
) -> None:
    """Writes `eval_config.json`, a `tfma.EvalRun`.

    Args:
        config: A `tfma.EvalConfig` with its defaults.
        output: Directory of the evaluation.
        data_location: URI of the examples.
        model_locations: URI of each model by name of its model spec.
    """
    run = config_pb2.EvalRun(
        eval_config=config,
        version=VERSION,
        data_location=data_location,
        file_format="tfrecords",
        model_locations=model_locations,
    )
    text = json_format.MessageToJson(run, sort_keys=True)
    (output / "eval_config.json").write_text(text + "\n", "utf-8")


def beam_writers(config: Any, output: str, *, is_rubber_stamp: bool) -> list[Any]:
    """Returns TFMA's own writers of all but `eval_config.json`, to a location."""
    keys = (
        constants.METRICS_KEY,
        constants.PLOTS_KEY,
        constants.ATTRIBUTIONS_KEY,
        constants.VALIDATIONS_KEY,
    )
    return [
        tfma_writer.MetricsPlotsAndValidationsWriter(
            output_paths={key: f"{output}/{key}" for key in keys},
            eval_config=config,
            rubber_stamp=is_rubber_stamp,
        )
    ]


def write_results(
    sliced: Sequence[SlicedMetrics], config: Any, output: Path, *, is_rubber_stamp: bool
) -> None:
    """Writes metrics, plots if there are any, and validations, in the given order.

    Args:
        sliced: The results for each slice.
        config: A `tfma.EvalConfig` with its defaults.
        output: Directory of the evaluation.
        is_rubber_stamp: Whether a missing baseline passes if there are only change thresholds.
    """
    kinds = (
        (constants.METRICS_KEY, _is_metric, _metrics_message),
        (constants.PLOTS_KEY, _is_plot, tfma_writer.convert_slice_plots_to_proto),
        (
            constants.ATTRIBUTIONS_KEY,
            _is_attribution,
            lambda part, _: tfma_writer.convert_slice_attributions_to_proto(part),
        ),
    )
    for name, belongs, convert in kinds:
        parts = [
            (slice_key, {key: value for key, value in results.items() if belongs(key)})
            for slice_key, results in sliced
        ]
        if name == constants.METRICS_KEY or any(results for _, results in parts):
            with np.errstate(divide="ignore", invalid="ignore"):  # no predictions
                messages = [convert(part, None) for part in parts]
            _write_records(output / f"{name}-00000-of-00001.tfrecord", messages)
    validation = _validated(sliced, config, is_rubber_stamp=is_rubber_stamp)
    _write_records(output / f"{constants.VALIDATIONS_KEY}.tfrecord", [validation])


def validation_result(output: Path) -> Any:
    """Returns the `ValidationResult` of an evaluation."""
    (record,) = read_records(output / f"{constants.VALIDATIONS_KEY}.tfrecord")
    return validation_result_pb2.ValidationResult.FromString(record)


def metrics_of(output: Path) -> list[Any]:
    """Returns the `MetricsForSlice` messages of an evaluation."""
    return [
        metrics_for_slice_pb2.MetricsForSlice.FromString(record)
        for path in sorted(output.glob(f"{constants.METRICS_KEY}-*.tfrecord"))
        for record in read_records(path)
    ]


def plots_of(output: Path) -> list[Any]:
    """Returns the `PlotsForSlice` messages of an evaluation; empty without plots."""
    return [
        metrics_for_slice_pb2.PlotsForSlice.FromString(record)
        for path in sorted(output.glob(f"{constants.PLOTS_KEY}-*.tfrecord"))
        for record in read_records(path)
    ]


def _validated(sliced: Sequence[SlicedMetrics], config: Any, *, is_rubber_stamp: bool) -> Any:
    combiner = tfma_writer.CombineValidations(config, rubber_stamp=is_rubber_stamp)
    accumulator = combiner.create_accumulator()
    for slice_key, results in sliced:
        metrics = {key: value for key, value in results.items() if _is_metric(key)}
        validation = metrics_validator.validate_metrics((slice_key, metrics), config)
        accumulator = combiner.add_input(accumulator, validation)
    return combiner.extract_output(accumulator)


def correct_cross_slices(config: Any, output: Path) -> None:
    """Corrects the list of slices found in the validations, if thresholds are for cross slices.

    TFMA looks for a threshold's cross slices among plain slices. It finds none, so no model would
    pass, whatever its metrics are.

    Args:
        config: A `tfma.EvalConfig` with its defaults.
        output: Directory of an evaluation that has been written.
    """
    specs = _threshold_specs(config)
    if not any(isinstance(spec, config_pb2.CrossSlicingSpec) for spec in specs):
        return
    plain, cross = [], []
    for message in metrics_of(output):
        if message.HasField("cross_slice_key"):
            cross.append(slicer_lib.deserialize_cross_slice_key(message.cross_slice_key))
        else:
            plain.append(slicer_lib.deserialize_slice_key(message.slice_key))
    validation = validation_result(output)
    for field in ("missing_slices", "missing_cross_slices", "validation_details"):
        validation.ClearField(field)
    for spec in specs:
        is_cross = isinstance(spec, config_pb2.CrossSlicingSpec)
        if is_cross:
            count = sum(slicer_lib.is_cross_slice_applicable(key, spec) for key in cross)
        else:
            rule = slicer_lib.SingleSliceSpec(spec=spec)
            count = sum(rule.is_slice_applicable(key) for key in plain)
        if count:
            details = validation.validation_details.slicing_details.add(num_matching_slices=count)
            (details.cross_slicing_spec if is_cross else details.slicing_spec).CopyFrom(spec)
        else:
            missing = validation.missing_cross_slices if is_cross else validation.missing_slices
            missing.append(spec)
    validation.validation_ok = not (
        validation.metric_validations_per_slice
        or validation.missing_slices
        or validation.missing_cross_slices
        or validation.missing_thresholds
    )
    _write_records(output / f"{constants.VALIDATIONS_KEY}.tfrecord", [validation])


def _threshold_specs(config: Any) -> list[Any]:
    """Returns each spec of slices that a threshold of the candidate is for, once."""
    thresholds = metric_specs.metric_thresholds_from_metrics_specs(
        config.metrics_specs, eval_config=config
    )
    baseline = model_util.get_baseline_model_spec(config)
    found = {}
    for key, limits in thresholds.items():
        if baseline and key.model_name == baseline.name:
            continue
        for given, _ in limits:
            spec = given or config_pb2.SlicingSpec()
            found[type(spec).__name__, spec.SerializeToString(deterministic=True)] = spec
    return list(found.values())


def _metrics_message(part: SlicedMetrics, callbacks: None) -> Any:
    return tfma_writer.convert_slice_metrics_to_proto(part, add_metrics_callbacks=callbacks)


def _is_plot(key: Any) -> bool:
    return isinstance(key, metric_types.PlotKey)


def _is_attribution(key: Any) -> bool:
    return isinstance(key, metric_types.AttributionsKey)


def _is_metric(key: Any) -> bool:
    # The two other keys derive from MetricKey.
    return not _is_plot(key) and not _is_attribution(key)


def _write_records(path: Path, messages: Iterable[Any]) -> None:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for message in messages:
            writer.write(message.SerializeToString(deterministic=True))

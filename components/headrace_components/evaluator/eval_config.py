"""Turns the `eval_config` parameter into a checked `tfma.EvalConfig` with its defaults."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from tensorflow_model_analysis.metrics import metric_specs, metric_types
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils import config_util
from tensorflow_model_analysis.utils.keras_lib import tf_keras

from headrace_components.contract.errors import InputError
from headrace_components.contract.texts import one_line
from headrace_components.evaluator.config_checks import (
    arguments_of,
    check_models,
    normalized,
    unknown_metric,
)
from headrace_components.evaluator.config_rules import check_arguments, check_rules
from headrace_components.evaluator.thresholds import check_thresholds
from headrace_tfx.finder import tfx_importable

# The rates that the Fairness Indicators widget shows, by the TFMA metric that computes each.
_FAIRNESS_RATES = {
    "false_positive_rate": "FallOut",
    "false_negative_rate": "MissRate",
    "true_positive_rate": "Recall",
    "true_negative_rate": "Specificity",
    "positive_rate": "PredictedPositiveRate",
    "false_discovery_rate": "FalseDiscoveryRate",
    "false_omission_rate": "FalseOmissionRate",
    "precision": "Precision",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedConfig:
    """The metrics to compute and the thresholds to meet.

    Attributes:
        proto: The `tfma.EvalConfig` with TFMA's defaults; names one model spec per model.
        has_thresholds: Whether the author set any threshold at all.
        is_rubber_stamp: Whether change thresholds were dropped because a baseline is missing.
        dropped: The dropped thresholds: the `MetricKey` of the metric, and the slices that the
            threshold is for, as a `tfma.SlicingSpec`; None for every slice.
    """

    proto: Any
    has_thresholds: bool
    is_rubber_stamp: bool
    dropped: tuple[tuple[Any, Any], ...] = ()


def checked_config(
    values: Mapping[str, Any],
    *,
    has_model: bool,
    has_baseline: bool,
    fairness_thresholds: Sequence[float] = (),
) -> CheckedConfig:
    """Returns the configuration of an evaluation.

    Args:
        values: A `tfma.EvalConfig` in JSON form.
        has_model: Whether there is a candidate model; without one, predictions are a feature.
        has_baseline: Whether there is a model to compare the candidate with.
        fairness_thresholds: Adds the fairness indicators at these decision thresholds.

    Raises:
        InputError: A field or a metric is unknown, or values contradict each other.
    """
    values = normalized(values)
    check_models(values)
    check_thresholds(values)
    check_rules(values)
    try:
        given = json_format.ParseDict(values, config_pb2.EvalConfig())
    except json_format.ParseError as error:
        raise InputError(
            f"`eval_config` is not a tfma.EvalConfig: {one_line(error, 400)}. Give the "
            "field the JSON form of its type; `config` of a metric is a JSON text, for example "
            "'{\"thresholds\": [0.5]}'."
        ) from error
    _add_fairness_indicators(given, fairness_thresholds)
    for metrics_spec in given.metrics_specs:
        for metric in metrics_spec.metrics:
            _check_metric(metric)
    try:
        thresholds = _thresholds(given)
        if has_baseline:
            _prepare_for_baseline(given)
        proto = config_util.update_eval_config_with_defaults(
            given, has_baseline=has_baseline, rubber_stamp=True
        )
        config_util.verify_eval_config(proto)
        _thresholds(proto)
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"`eval_config` contradicts itself: {one_line(error, 400)}. Correct that part of it."
        ) from error
    _check_models(proto, has_model=has_model)
    _check_computations(proto)
    is_rubber_stamp = config_util.has_change_threshold(given) and not has_baseline
    if is_rubber_stamp:
        logging.info(
            "evaluator: there is no baseline to compare with, so change thresholds are ignored."
        )
    return CheckedConfig(
        proto=proto,
        has_thresholds=bool(thresholds),
        is_rubber_stamp=is_rubber_stamp,
        dropped=tuple(_changes(thresholds)) if is_rubber_stamp else (),
    )


def _check_metric(metric: Any) -> None:
    known = {*metric_types.registered_metrics(), *_keras_names(tf_keras.metrics)}
    if not metric.module and metric.class_name not in known:
        raise unknown_metric(metric.class_name, sorted(known))
    if not metric.module:
        arguments = arguments_of(metric.class_name, metric.config)
        check_arguments(metric.class_name, arguments, "`eval_config`")
    try:
        with tfx_importable(None):  # `module` may be a file beside the author's module
            metric_specs.metric_instance(metric)
    except json.JSONDecodeError as error:
        raise InputError(
            f"the config of metric {metric.class_name} is {metric.config!r}, which is "
            f"not JSON ({error}). Give a JSON text, for example '{{\"thresholds\": [0.5]}}'."
        ) from error
    except Exception as error:  # the author's own metric may raise anything
        logging.info("evaluator: where metric %s failed:", metric.class_name, exc_info=error)
        raise InputError(
            f"metric {metric.class_name} with config {metric.config!r} and module "
            f"{metric.module!r} cannot be made: {one_line(error, 400)}. Correct its entry in "
            "`metrics_specs`; Keras classes come from tf_keras.metrics and tf_keras.losses."
        ) from error


def _check_computations(proto: Any) -> None:
    """Finds out, metric by metric, whether TFMA can plan the computation."""
    for number, spec in enumerate(proto.metrics_specs):
        for metric in spec.metrics:
            alone = config_pb2.MetricsSpec()
            alone.CopyFrom(spec)
            del alone.metrics[:]
            alone.metrics.append(metric)
            try:
                with tfx_importable(None):
                    metric_specs.to_computations([alone], eval_config=proto)
            except Exception as error:  # TFMA has many kinds of errors for settings that do not fit
                logging.info("evaluator: where it stopped:", exc_info=error)
                raise InputError(
                    f"metric {metric.class_name} with config {metric.config!r} cannot "
                    f"be computed as eval_config.metrics_specs[{number}] says: "
                    f"{one_line(error, 400)}. Correct its `config`, or the settings beside it."
                ) from error


def _keras_names(module: Any) -> Iterator[str]:
    for name, value in vars(module).items():
        if isinstance(value, type) and issubclass(value, tf_keras.metrics.Metric):
            yield name


def _check_models(proto: Any, *, has_model: bool) -> None:
    for spec in proto.model_specs:
        if not has_model and not (spec.prediction_key or spec.prediction_keys):
            raise InputError(
                "there is no model, and `eval_config` names no prediction_key, so there "
                "are no predictions. Connect `model`, or set `prediction_key` in `model_specs` to "
                "the feature that holds them."
            )


def _prepare_for_baseline(proto: Any) -> None:
    """Lets TFMA add the baseline's model spec, which it only does for one spec without a name."""
    if not proto.model_specs:
        proto.model_specs.add()
    names_models = any(spec.model_names for spec in proto.metrics_specs)
    (first, *others) = proto.model_specs
    if not others and not first.is_baseline and not names_models:
        first.name = ""


def _add_fairness_indicators(proto: Any, thresholds: Sequence[float]) -> None:
    if not thresholds:
        return
    spec = proto.metrics_specs.add()
    for threshold in thresholds:
        for rate, class_name in _FAIRNESS_RATES.items():
            name = f"fairness_indicators_metrics/{rate}@{threshold}"
            config = json.dumps({"name": name, "thresholds": [threshold]})
            spec.metrics.add(class_name=class_name, config=config)


def _thresholds(proto: Any) -> Any:
    thresholds: Any = metric_specs.metric_thresholds_from_metrics_specs(
        proto.metrics_specs, eval_config=proto
    )
    return thresholds


def _changes(thresholds: Any) -> Iterator[tuple[Any, Any]]:
    for key, limits in thresholds.items():
        if key.is_diff:
            for spec, _ in limits:
                yield key._replace(is_diff=False), spec

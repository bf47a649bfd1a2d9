"""Turns the `config` parameter into the comparators that TFDV applies.

It has the JSON form of `tfx/proto/distribution_validator.proto`. Fields whose type is a message of
tensorflow_metadata are parsed as that message.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from tensorflow_metadata.proto.v0 import path_pb2, schema_pb2

from headrace_components.contract.errors import InputError
from headrace_components.contract.texts import one_line
from headrace_components.distribution_validator.configs import normalized

Step = tuple[str, ...]
"""Path of a feature: names from the outermost struct to the feature."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparators:
    """The features to compare, and the distances above which a difference is an anomaly.

    Attributes:
        features: Comparator by feature; each has at least one threshold.
        num_examples: Bounds for the number of rows divided by the number in the baseline, or None.
    """

    features: Mapping[Step, schema_pb2.FeatureComparator]
    num_examples: schema_pb2.NumericValueComparator | None


def read(config: Mapping[str, Any]) -> Comparators:
    """Returns the comparators of a `DistributionValidatorConfig`.

    Args:
        config: The message in JSON form, with names such as `default_slice_config` or
            `defaultSliceConfig`. Empty gives no comparators.

    Raises:
        InputError: A field is unknown or not of its type, a feature comes twice, or a comparator
            has no threshold.
    """
    place = "config.default_slice_config"
    inner = normalized(config).get("default_slice_config", {})
    features: dict[Step, schema_pb2.FeatureComparator] = {}
    for position, entry in enumerate(inner.get("feature", ())):
        step, comparator = _feature(entry, f"{place}.feature[{position}]")
        if step in features:
            raise InputError(
                f"{place}.feature names {'.'.join(step)!r} twice. Keep one entry, "
                "which may have several comparators."
            )
        features[step] = comparator
    num_examples = None
    if "num_examples_comparator" in inner:
        where = f"{place}.num_examples_comparator"
        num_examples = schema_pb2.NumericValueComparator()
        _parse(inner["num_examples_comparator"], num_examples, where)
        if not num_examples.ListFields():
            raise InputError(
                f"{where} has no threshold. Give `min_fraction_threshold`, "
                "`max_fraction_threshold` or both, as fractions of the baseline's rows."
            )
    return Comparators(features=features, num_examples=num_examples)


def read_custom(values: Mapping[str, Any]) -> Message | None:
    """Returns a `tfdv.CustomValidationConfig` from its JSON form; None if that is empty.

    Raises:
        InputError: A field is unknown or has a wrong type, or TFDV does not support validation by
            SQL.
    """
    if not values:
        return None
    try:
        from tensorflow_data_validation.anomalies.proto import custom_validation_config_pb2
    except ImportError as error:
        raise InputError(
            "`custom_validation_config` holds conditions in SQL, which TFDV 1.21 no "
            "longer knows. Use comparators in `config`, or the image of the 1.16 generation."
        ) from error
    config: Message = custom_validation_config_pb2.CustomValidationConfig()
    _parse(values, config, "custom_validation_config")
    return config


def _feature(entry: Mapping[str, Any], place: str) -> tuple[Step, schema_pb2.FeatureComparator]:
    path = path_pb2.Path()
    _parse(entry.get("path", {}), path, f"{place}.path")
    if not path.step:
        raise InputError(
            f"{place} names no feature. Give its path, for example "
            '{"path": {"step": ["fare"]}}.'
        )
    comparator = schema_pb2.FeatureComparator()
    where = f"{place}.distribution_comparator"
    _parse(entry.get("distribution_comparator", {}), comparator, where)
    distances = comparator.ListFields()
    if not distances:
        known = sorted(field.name for field in comparator.DESCRIPTOR.fields)
        raise InputError(
            f"{where} of {'.'.join(path.step)!r} is empty, expected one of {known}. "
            'Write it as {"jensen_shannon_divergence": {"threshold": 0.05}}.'
        )
    for field, distance in distances:
        _check_threshold(distance, f"{where}.{field.name}")
    return tuple(path.step), comparator


def _check_threshold(distance: Any, place: str) -> None:
    threshold = distance.threshold if distance.HasField("threshold") else None
    # Each of the distances is a share in [0, 1].
    if threshold is None or not 0 <= threshold <= 1 or math.isnan(threshold):
        raise InputError(
            f"the threshold of {place} is {threshold}, expected a distance from 0 to "
            "1. A difference above it is an anomaly: 0 lets none pass."
        )


def _parse(value: Any, message: Message, place: str) -> None:
    try:
        json_format.ParseDict(value, message)
    except (json_format.ParseError, AttributeError, TypeError) as error:
        known = sorted(field.name for field in message.DESCRIPTOR.fields)
        raise InputError(
            f"{place} is {value!r}, which is not a {message.DESCRIPTOR.name}: "
            f"{one_line(error)}. It has the fields {known}."
            " Correct that part of it."
        ) from error

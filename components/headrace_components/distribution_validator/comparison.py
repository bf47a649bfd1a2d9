"""Compares two statistics with TFDV, and keeps only the anomalies of comparisons."""

from collections.abc import Iterable
from typing import TypeAlias

import tensorflow_data_validation as tfdv
from google.protobuf.message import Message
from tensorflow_data_validation.utils import path as tfdv_path
from tensorflow_data_validation.utils import schema_util
from tensorflow_metadata.proto.v0 import anomalies_pb2, path_pb2, schema_pb2, statistics_pb2

from headrace_components.contract.errors import InputError
from headrace_components.distribution_validator.comparators import Comparators, Step

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList

_Info = anomalies_pb2.AnomalyInfo

# The schema is made from the baseline. So TFDV also finds differences of domains, presence and
# types, which the author did not ask for.
_KEPT = frozenset(
    {
        _Info.COMPARATOR_CONTROL_DATA_MISSING,
        _Info.COMPARATOR_TREATMENT_DATA_MISSING,
        _Info.COMPARATOR_L_INFTY_HIGH,
        _Info.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH,
        _Info.COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH,  # TFX 1.16 drops it and blesses
        _Info.COMPARATOR_LOW_NUM_EXAMPLES,
        _Info.COMPARATOR_HIGH_NUM_EXAMPLES,
        _Info.CUSTOM_VALIDATION,
    }
)

# Distances between shares of single values. TFDV has no shares for numbers, and returns 0 for them.
_OF_STRINGS = ("infinity_norm", "normalized_abs_difference")


def compare(
    test: Statistics,
    baseline: Statistics,
    comparators: Comparators,
    custom: Message | None,
) -> anomalies_pb2.Anomalies:
    """Returns the anomalies found, and one for each feature that could not be compared.

    `drift_skew_info` has the distance of each feature that was compared, whether an anomaly or not.

    Args:
        test: Statistics of the data under test.
        baseline: Statistics of the data it is compared with.
        comparators: Features to compare, with thresholds.
        custom: A `tfdv.CustomValidationConfig`, conditions in SQL; None if there are none.

    Raises:
        InputError: A condition in `custom` does not run.
    """
    try:
        result = tfdv.validate_statistics(
            test,
            _schema(baseline, comparators),
            previous_statistics=baseline,
            # TFDV 1.21 no longer has this argument.
            **({"custom_validation_config": custom} if custom else {}),
        )
    except RuntimeError as error:
        if "custom validation" not in str(error):
            raise
        raise InputError(
            "a condition of `custom_validation_config` does not run: "
            f"{' '.join(str(error).split())}. Correct its `sql_expression`, which reads "
            "`feature`, or `feature_test` and `feature_base`, as FeatureNameStatistics."
        ) from error
    _keep_comparisons(result)
    # As in TFX: one anomaly per feature, under its path, even if there was none so far.
    result.anomaly_name_format = anomalies_pb2.Anomalies.SERIALIZED_PATH
    _add_uncompared_features(result, test, baseline, comparators)
    _add_missing_rows(result, test, baseline, comparators)
    return result


def _schema(baseline: Statistics, comparators: Comparators) -> schema_pb2.Schema:
    schema = tfdv.infer_schema(baseline)
    there = set(features_of(baseline))
    for step, comparator in comparators.features.items():
        if step in there:
            feature = schema_util.get_feature(schema, tfdv_path.FeaturePath(step))
            feature.drift_comparator.CopyFrom(comparator)
    if comparators.num_examples is not None:
        schema.dataset_constraints.num_examples_drift_comparator.CopyFrom(comparators.num_examples)
    return schema


def _keep_comparisons(result: anomalies_pb2.Anomalies) -> None:
    for name in list(result.anomaly_info):
        _restrict(result.anomaly_info[name])
        if not result.anomaly_info[name].reason:
            del result.anomaly_info[name]
    _restrict(result.dataset_anomaly_info)
    if not result.dataset_anomaly_info.reason:
        result.ClearField("dataset_anomaly_info")


def _restrict(info: anomalies_pb2.AnomalyInfo) -> None:
    reasons = [reason for reason in info.reason if reason.type in _KEPT]
    del info.reason[:]
    info.ClearField("diff_regions")
    _add(info, reasons)


def _add(
    info: anomalies_pb2.AnomalyInfo, reasons: Iterable[anomalies_pb2.AnomalyInfo.Reason]
) -> None:
    """Adds reasons, and makes the anomaly's texts from the texts of all its reasons."""
    info.reason.extend(reasons)
    info.short_description = "; ".join(reason.short_description for reason in info.reason)
    info.description = " ".join(reason.description for reason in info.reason)


def _add_uncompared_features(
    result: anomalies_pb2.Anomalies,
    test: Statistics,
    baseline: Statistics,
    comparators: Comparators,
) -> None:
    compared = {tuple(info.path.step) for info in result.drift_skew_info}
    sides = {"data under test": features_of(test), "baseline": features_of(baseline)}
    for step, comparator in comparators.features.items():
        why = _why_not(step, comparator, sides)
        if step in compared and not why:
            continue
        why = why or _why_no_distance(step, sides)
        info = result.anomaly_info[".".join(step)]
        info.path.CopyFrom(path_pb2.Path(step=step))
        info.severity = _Info.ERROR
        _add(info, [_not_compared(why)])


def _why_not(
    step: Step,
    comparator: schema_pb2.FeatureComparator,
    sides: dict[str, dict[Step, statistics_pb2.FeatureNameStatistics]],
) -> str:
    for side, features in sides.items():
        if step not in features:
            return f"the {side} has no such feature"
        is_number = features[step].WhichOneof("stats") == "num_stats"
        unfit = [name for name in _OF_STRINGS if is_number and comparator.HasField(name)]
        if unfit:
            return (
                f"it is a number in the {side}, whose distribution has no {' or '.join(unfit)}; "
                "use jensen_shannon_divergence"
            )
    return ""


def _why_no_distance(
    step: Step, sides: dict[str, dict[Step, statistics_pb2.FeatureNameStatistics]]
) -> str:
    for side, features in sides.items():
        kind = features[step].WhichOneof("stats")
        if kind is None or not getattr(features[step], kind).common_stats.num_non_missing:
            return f"the {side} has no value of it"
    return "its statistics hold no histograms on both sides"


def _not_compared(why: str) -> anomalies_pb2.AnomalyInfo.Reason:
    return _Info.Reason(
        type=_Info.STATS_NOT_AVAILABLE,
        short_description="Comparison could not be done",
        description=f"The distributions could not be compared: {why}.",
    )


def _add_missing_rows(
    result: anomalies_pb2.Anomalies,
    test: Statistics,
    baseline: Statistics,
    comparators: Comparators,
) -> None:
    # TFDV does not compare numbers of rows if one of them is 0.
    reason = None
    if not num_rows(test):
        reason = _Info.Reason(
            type=_Info.NO_DATA_IN_SPAN,
            short_description="No rows",
            description="The data under test has no rows.",
        )
    elif comparators.num_examples is not None and not num_rows(baseline):
        reason = _not_compared("the baseline has no rows")
    if reason is not None:
        result.dataset_anomaly_info.severity = _Info.ERROR
        _add(result.dataset_anomaly_info, [reason])


def features_of(statistics: Statistics) -> dict[Step, statistics_pb2.FeatureNameStatistics]:
    """Returns the statistics over all rows by feature."""
    features = _default_slice(statistics).features
    return {tuple(item.path.step) or (item.name,): item for item in features}


def num_rows(statistics: Statistics) -> int:
    """Returns the number of rows."""
    return int(_default_slice(statistics).num_examples)


def _default_slice(statistics: Statistics) -> statistics_pb2.DatasetFeatureStatistics:
    # TFDV compares the slice of all rows; in a list of several slices it has this name.
    named = [item for item in statistics.datasets if item.name == "All Examples"]
    return named[0] if named else statistics.datasets[0]

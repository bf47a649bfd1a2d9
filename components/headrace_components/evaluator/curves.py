"""Reads ROC curves, confusion matrices and calibrations from an evaluation that has them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from headrace_components.evaluator import results
from headrace_components.evaluator.metric_rows import ALL_ROWS, MetricNames, Side, slice_name

# A curve of a thousand points looks the same, and fills the metadata of an artifact.
_MAX_POINTS = 120
_DECISION = 0.5
# A matrix with more classes than this is not readable.
_MAX_CLASSES = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class RocPoint:
    """The effect of a decision threshold.

    Attributes:
        threshold: The threshold, in [0, 1].
        false_positive_rate: Share of the negatives above it, in [0, 1].
        recall: Share of the positives above it, in [0, 1].
    """

    threshold: float
    false_positive_rate: float
    recall: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Confusion:
    """Rows by their class and the class predicted.

    Attributes:
        labels: Names of the classes.
        counts: Weighted rows, one sequence per actual class, one item per predicted class.
        threshold: A prediction from this value on counts as the second of two classes; or None.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[float, ...], ...]
    threshold: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationPoint:
    """The rows whose predictions are in one bucket.

    Attributes:
        prediction: Their mean prediction.
        label: Their mean label.
        weight: Their weighted number, above 0.
    """

    prediction: float
    label: float
    weight: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """The decisions of one model over all rows.

    Attributes:
        name: Name of the plot or metric that it comes from.
        side: Whether it is of the candidate or of the baseline.
        roc: Points of the ROC curve, by falling threshold; empty if there is none.
        confusion: The confusion matrix; None if there are too many classes to show.
        calibration: By rising prediction; empty if the plot is another one.
    """

    name: str
    side: Side
    roc: tuple[RocPoint, ...] = ()
    confusion: Confusion | None = None
    calibration: tuple[CalibrationPoint, ...] = ()

    @property
    def is_drawn(self) -> bool:
        """Whether there is something to draw."""
        return bool(self.roc or self.confusion or self.calibration)


def curves_of(config: Any, output: Path, names_of_classes: Sequence[str] = ()) -> list[Curve]:
    """Returns the curves of an evaluation; empty unless its config has a metric with curves.

    These metrics are `CalibrationPlot`, `ConfusionMatrixPlot`, `ConfusionMatrixAtThresholds`,
    `MultiClassConfusionMatrixPlot` and `MultiClassConfusionMatrixAtThresholds`. Other plots, and
    matrices of too many classes, come as curves that have nothing to draw.

    Args:
        config: A `tfma.EvalConfig` with its defaults.
        output: Directory of the evaluation.
        names_of_classes: Names of the classes 0, 1, ...; classes without a name show their number.
    """
    names = MetricNames.of(config)
    found = []
    for key, value in _values(output):
        curve = _curve(names.metric(key), names.side(key), value, names_of_classes)
        if curve is not None:
            found.append(curve)
    return found


def _values(output: Path) -> Iterator[tuple[Any, Any]]:
    for message in results.plots_of(output):
        if slice_name(message.slice_key) == ALL_ROWS and not message.HasField("cross_slice_key"):
            for entry in message.plot_keys_and_values:
                yield entry.key, entry.value
    for message in results.metrics_of(output):
        if slice_name(message.slice_key) == ALL_ROWS and not message.HasField("cross_slice_key"):
            for entry in message.metric_keys_and_values:
                yield entry.key, entry.value


def _curve(name: str, side: Side, value: Any, classes: Sequence[str]) -> Curve | None:
    for kind in ("confusion_matrix_at_thresholds", "multi_class_confusion_matrix_at_thresholds"):
        if value.HasField(kind):
            matrices = getattr(value, kind).matrices
            if len(matrices) == 0:
                return None
            if kind.startswith("multi"):
                return Curve(name=name, side=side, confusion=_classes(matrices[0], classes))
            return Curve(name=name, side=side, roc=_roc(matrices), confusion=_binary(matrices))
    if isinstance(value, metrics_for_slice_pb2.PlotData):
        buckets = value.calibration_histogram_buckets.buckets
        return Curve(name=name, side=side, calibration=tuple(_calibration(buckets)))
    return None


def _calibration(buckets: Sequence[Any]) -> Iterator[CalibrationPoint]:
    for bucket in buckets:
        weight = bucket.num_weighted_examples.value
        if weight > 0:
            yield CalibrationPoint(
                prediction=bucket.total_weighted_refined_prediction.value / weight,
                label=bucket.total_weighted_label.value / weight,
                weight=weight,
            )


def _roc(matrices: Sequence[Any]) -> tuple[RocPoint, ...]:
    points = [
        RocPoint(
            threshold=min(max(matrix.threshold, 0.0), 1.0),
            false_positive_rate=matrix.false_positives / negatives,
            recall=matrix.true_positives / positives,
        )
        for matrix in sorted(matrices, key=lambda matrix: -matrix.threshold)
        if (negatives := matrix.false_positives + matrix.true_negatives) > 0
        and (positives := matrix.true_positives + matrix.false_negatives) > 0
    ]
    # One or two thresholds are the author's choice; they do not make a curve.
    if len(points) < 3:
        return ()
    return tuple(_spread(points))


def _spread(points: Sequence[RocPoint]) -> Iterator[RocPoint]:
    """Yields points with some distance between them, and the last point."""
    step = 2.0 / _MAX_POINTS
    last = points[0]
    yield last
    for point in points[1:-1]:
        way = point.false_positive_rate - last.false_positive_rate + point.recall - last.recall
        if way >= step:
            yield point
            last = point
    yield points[-1]


def _binary(matrices: Sequence[Any]) -> Confusion:
    matrix = min(matrices, key=lambda matrix: abs(matrix.threshold - _DECISION))
    return Confusion(
        labels=("negative", "positive"),
        counts=(
            (matrix.true_negatives, matrix.false_positives),
            (matrix.false_negatives, matrix.true_positives),
        ),
        threshold=matrix.threshold,
    )


def _classes(matrix: Any, names: Sequence[str]) -> Confusion | None:
    cells = {
        (entry.actual_class_id, entry.predicted_class_id): entry.num_weighted_examples
        for entry in matrix.entries
    }
    classes = sorted({number for pair in cells for number in pair})
    if not classes or len(classes) > _MAX_CLASSES:
        return None
    return Confusion(
        labels=tuple(_class_name(number, names) for number in classes),
        counts=tuple(
            tuple(cells.get((actual, predicted), 0.0) for predicted in classes)
            for actual in classes
        ),
    )


def _class_name(number: int, names: Sequence[str]) -> str:
    # TFMA uses class -1 for a row in which no class passes the threshold.
    if number < 0:
        return "none"
    return names[number] if number < len(names) else str(number)

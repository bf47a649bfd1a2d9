"""Publishes an evaluation: the HTML page, and the metrics that the UIs draw."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace_components.contract.task import Task
from headrace_components.evaluator.curves import Confusion, Curve, curves_of
from headrace_components.evaluator.metric_rows import (
    ALL_ROWS,
    SliceScores,
    published_name,
    requirements,
    slice_scores,
)
from headrace_components.evaluator.report import evaluation_report
from headrace_components.evaluator.summary import blessing_metadata
from headrace_components.evaluator.survey import Survey
from headrace_components.evaluator.unmeasured import predictions_noted
from headrace_components.evaluator.verdict import ModelVerdict


def write(
    task: Task,
    config: Any,
    output: Path,
    verdict: ModelVerdict,
    surveys: Sequence[Survey],
    names_of_classes: Sequence[str],
) -> None:
    """Writes the outputs `report`, `metrics` and `classification_metrics`, and why in `blessing`.

    Args:
        task: The task; it has these outputs.
        config: A `tfma.EvalConfig` with its defaults.
        output: Directory of the evaluation.
        verdict: The verdict on it.
        surveys: The surveys of the predictions.
        names_of_classes: Names of the classes 0, 1, ...; empty if they are unknown.
    """
    slices = slice_scores(config, output)
    required = requirements(config)
    curves = curves_of(config, output, names_of_classes)
    content = evaluation_report(
        verdict, slices, required, curves, list(predictions_noted(config, surveys))
    )
    task.output("report").path.write_bytes(content)
    task.output("blessing").metadata.update(blessing_metadata(verdict, slices, required))
    task.output("metrics").metadata.update(metric_values(slices, verdict))
    task.output("classification_metrics").metadata.update(classification(curves))


def metric_values(slices: Sequence[SliceScores], verdict: ModelVerdict) -> dict[str, float | int]:
    """Returns the metrics over all rows, by names that every backend accepts."""
    values: dict[str, float | int] = {"blessed": int(verdict.is_blessed)}
    for part in slices:
        if part.name != ALL_ROWS:
            continue
        for metric, score in part.scores.items():
            name = published_name(metric)
            for suffix, value in (
                ("", score.candidate),
                ("_baseline", score.baseline),
                ("_change", score.change),
            ):
                if value is not None and math.isfinite(value):
                    values[name + suffix] = value
    return values


def classification(curves: Sequence[Curve]) -> dict[str, Any]:
    """Returns metadata for kfp's ClassificationMetrics: the first candidate curve of each kind."""
    metadata: dict[str, Any] = {}
    for curve in curves:
        if curve.side != "candidate":
            continue
        if curve.roc and "confidenceMetrics" not in metadata:
            metadata["confidenceMetrics"] = [
                {
                    "confidenceThreshold": point.threshold,
                    "falsePositiveRate": point.false_positive_rate,
                    "recall": point.recall,
                }
                for point in curve.roc
            ]
        if curve.confusion and "confusionMatrix" not in metadata:
            metadata["confusionMatrix"] = _matrix(curve.confusion)
    return metadata


def _matrix(confusion: Confusion) -> dict[str, Any]:
    return {
        "annotationSpecs": [{"displayName": label} for label in confusion.labels],
        "rows": [{"row": list(counts)} for counts in confusion.counts],
    }

"""Refuses metrics that do not fit the form of the labels and predictions.

TFMA and Keras compute a number even for the wrong form: `CategoricalAccuracy` of class numbers is
the share of class 0, `BinaryAccuracy` of many classes counts each class as a decision, AUC cuts
logits off at 0 and 1. Each error names the right metric or setting. `BinaryAccuracy` of logits is
computed as in TFMA, with a notice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tensorflow_model_analysis.metrics import metric_types

from headrace_components.contract.errors import InputError
from headrace_components.contract.notices import announce
from headrace_components.evaluator.config_checks import arguments_of
from headrace_components.evaluator.config_rules import NOT_WHOLE
from headrace_components.evaluator.survey import Survey, ValuesSummary

# float32 probabilities, and the labels that TFMA takes for fractions of 0 and 1.
_ROUNDING = 1e-6
_DEFAULT_K = 5  # of Keras' top-k metrics

# Metrics for one class number per row, with the metrics that compute the same for a vector and for
# two classes.
_OF_CLASS_NUMBERS = {
    "SparseCategoricalAccuracy": ("CategoricalAccuracy", "BinaryAccuracy"),
    "SparseCategoricalCrossentropy": ("CategoricalCrossentropy", "BinaryCrossentropy"),
    "SparseTopKCategoricalAccuracy": ("TopKCategoricalAccuracy", "BinaryAccuracy"),
}
# Metrics for a label vector (a number per class), with the same for a class number and for two
# classes.
_OF_CLASS_VECTORS = {
    "CategoricalAccuracy": ("SparseCategoricalAccuracy", "BinaryAccuracy"),
    "CategoricalCrossentropy": ("SparseCategoricalCrossentropy", "BinaryCrossentropy"),
    "CategoricalCrossEntropy": ("SparseCategoricalCrossentropy", "BinaryCrossentropy"),
    "CategoricalHinge": ("SparseCategoricalCrossentropy", "Hinge"),
    "TopKCategoricalAccuracy": ("SparseTopKCategoricalAccuracy", "BinaryAccuracy"),
    "OneHotIoU": ("MultiClassConfusionMatrixAtThresholds", "BinaryIoU"),
    "OneHotMeanIoU": ("MultiClassConfusionMatrixAtThresholds", "BinaryIoU"),
}
# Metrics that subtract a prediction from its label, or compare the two otherwise, one by one.
_OF_PAIRS = {
    **dict.fromkeys(
        (
            "CosineSimilarity",
            "Hinge",
            "KLDivergence",
            "LogCoshError",
            "MeanAbsoluteError",
            "MeanAbsolutePercentageError",
            "MeanRelativeError",
            "MeanSquaredError",
            "MeanSquaredLogarithmicError",
            "Poisson",
            "R2Score",
            "RootMeanSquaredError",
            "SquaredHinge",
            "SquaredPearsonCorrelation",
        ),
        "SparseCategoricalCrossentropy or SparseCategoricalAccuracy",
    ),
    "BinaryCrossEntropy": "SparseCategoricalCrossentropy",
    "BinaryCrossentropy": "SparseCategoricalCrossentropy",
}
# Metrics that count predictions equal to their label: by form, the metrics that compare scores with
# a label.
_OF_EQUALS = {
    "Accuracy": ("BinaryAccuracy", "SparseCategoricalAccuracy", "CategoricalAccuracy"),
    "ExactMatch": ("BinaryAccuracy", "SparseCategoricalAccuracy", "CategoricalAccuracy"),
    "IoU": ("BinaryIoU", "MultiClassConfusionMatrixAtThresholds", "OneHotIoU"),
    "MeanIoU": ("BinaryIoU", "MultiClassConfusionMatrixAtThresholds", "OneHotMeanIoU"),
}
_CROSS_ENTROPIES = frozenset(
    {
        "BinaryCrossEntropy",
        "BinaryCrossentropy",
        "CategoricalCrossEntropy",
        "CategoricalCrossentropy",
        "SparseCategoricalCrossentropy",
    }
)
_MATRICES = frozenset({"MultiClassConfusionMatrixAtThresholds", "MultiClassConfusionMatrixPlot"})
# The modules of TFMA whose metrics are of two classes.
_TWO_CLASS_MODULES = (
    "calibration_plot",
    "confusion_matrix_metrics",
    "confusion_matrix_plot",
    "score_distribution_plot",
    "tjur_discrimination",
)

_Reduction = Literal["", "class", "micro", "top"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """A metric that a config asks for.

    Attributes:
        name: Name of its class.
        arguments: Those of its class.
        reduction: How classes are reduced first: one at a time, all alike, or the top ones.
        top_k: The maximum number of top classes; 0 for all.
        models: Names of the models it is for; empty for all.
        outputs: Names of the outputs it is for; empty for all.
    """

    name: str
    arguments: Mapping[str, Any]
    reduction: _Reduction
    top_k: int
    models: frozenset[str]
    outputs: frozenset[str]


def check_some_rows(surveys: Sequence[Survey], config: Any) -> None:
    """Refuses metrics that do not fit some of the rows.

    Args:
        surveys: The labels and predictions of some rows.
        config: A `tfma.EvalConfig` with its defaults.

    Raises:
        InputError: A metric does not fit; the text names another metric or a setting.
    """
    baselines = {spec.name for spec in config.model_specs if spec.is_baseline}
    for asked, survey in _pairs(surveys, config):
        if survey.labels is None or survey.predictions is None:
            continue
        num_nan = survey.predictions.num_nan
        if num_nan and _is_of_two_classes(asked.name):
            what = "values" if survey.predictions.width == 1 else "rows"
            raise InputError(
                f"metric {asked.name} cannot be computed: the "
                f"{'baseline' if survey.model_name in baselines else 'model'} predicts NaN for "
                f"{num_nan} of {survey.num_rows} {what}, expected numbers. Train it with a smaller "
                "learning rate, or check the features for missing values."
            )
        for fault in _faults(asked, survey.labels, survey.predictions):
            output = f" of output {survey.output_name!r}" if survey.output_name else ""
            raise InputError(f"metric {asked.name}{output} {fault}")


def check_all_rows(surveys: Sequence[Survey], config: Any) -> None:
    """Refuses metrics that do not fit, which only all rows together show.

    A `BinaryAccuracy` that cuts off logits at 0.5 is only told: TFX blesses models by it.

    Args:
        surveys: The labels and predictions of all rows.
        config: A `tfma.EvalConfig` with its defaults.

    Raises:
        InputError: A metric does not fit.
    """
    for asked, survey in _pairs(surveys, config):
        labels, predictions = survey.labels, survey.predictions
        if labels is None or predictions is None or asked.name != "BinaryAccuracy":
            continue
        is_one_of_many = (
            not asked.reduction
            and labels.width == predictions.width > 2
            and (labels.is_whole and labels.sums_to_one and predictions.sums_to_one)
        )
        if is_one_of_many:
            raise InputError(
                f"metric BinaryAccuracy counts each of the {labels.width} classes as a "
                "decision of its own, and the label of each row is one of them. Take "
                "CategoricalAccuracy, or set `aggregate` in the metrics spec."
            )
        if not _is_cut(asked):
            for fault in _logits(predictions, "Set `config` to '{\"threshold\": 0.0}', or let "):
                announce("evaluator: BinaryAccuracy cuts off at 0.5. It %s", fault)


def _faults(asked: _Asked, labels: ValuesSummary, predictions: ValuesSummary) -> Iterator[str]:
    """Yields each problem, and what to do instead."""
    if not labels.width or not predictions.width:
        return
    kind = asked.name
    if kind in _OF_CLASS_NUMBERS:
        yield from _of_class_numbers(asked, labels, predictions)
    elif kind in _OF_CLASS_VECTORS:
        yield from _of_class_vectors(asked, labels, predictions)
    elif kind in _OF_EQUALS:
        yield from _of_equals(asked, labels, predictions)
    elif kind in _OF_PAIRS and _is_class_number(labels, predictions) and not asked.reduction:
        yield (
            f"compares numbers with numbers, and the label is the number of one of "
            f"{predictions.width} classes. Take {_OF_PAIRS[kind]}."
        )
    elif kind in _MATRICES:
        yield from _of_matrices(labels, predictions)
    elif _is_of_two_classes(kind):
        yield from _of_two_classes(asked, labels, predictions)
    if kind in ("BinaryCrossEntropy", "BinaryCrossentropy", "BinaryIoU"):
        yield from _outside(labels)
    if kind in _CROSS_ENTROPIES and not asked.arguments.get("from_logits"):
        yield from _logits(predictions, "Set `config` to '{\"from_logits\": true}', or let ")
    if asked.top_k > predictions.width > 1:
        yield (
            f"asks for the top {asked.top_k} of {predictions.width} classes. Ask for "
            f"{predictions.width - 1} at most."
        )


def _of_class_numbers(
    asked: _Asked, labels: ValuesSummary, predictions: ValuesSummary
) -> Iterator[str]:
    of_vectors, of_two = _OF_CLASS_NUMBERS[asked.name]
    yield from _reduced(asked)
    if predictions.width == 1:
        yield f"takes a score per class, and the model predicts one number per row. Take {of_two}."
    if labels.width > 1:
        yield (
            f"takes one class number per row, and the label has {labels.width} numbers per row. "
            f"Take {of_vectors}."
        )
    yield from _unknown_classes(labels, predictions)
    yield from _all_right(asked, predictions)


def _of_class_vectors(
    asked: _Asked, labels: ValuesSummary, predictions: ValuesSummary
) -> Iterator[str]:
    of_numbers, of_two = _OF_CLASS_VECTORS[asked.name]
    yield from _reduced(asked)
    if predictions.width == 1:
        yield f"takes a score per class, and the model predicts one number per row. Take {of_two}."
    if labels.width == 1:
        yield (
            f"takes labels of {predictions.width} numbers per row, one per class, and the label is "
            f"one class number per row. Take {of_numbers}."
        )
    if labels.width == predictions.width and not labels.sums_to_one:
        yield (
            "takes labels of one class per row, whose numbers sum to 1, and a row's label has "
            f"several classes or none. Take {of_two}, or AUC with `aggregate`."
        )
    yield from _all_right(asked, predictions)


def _of_equals(asked: _Asked, labels: ValuesSummary, predictions: ValuesSummary) -> Iterator[str]:
    of_two, of_numbers, of_vectors = _OF_EQUALS[asked.name]
    yield from _reduced(asked)
    if _is_class_number(labels, predictions):
        instead = of_numbers
    else:
        instead = of_two if predictions.width == 1 else of_vectors
    if labels.width != predictions.width or (labels.is_whole and not predictions.is_whole):
        yield (
            "counts predictions that are equal to their label, and the model predicts scores. "
            f"Take {instead}."
        )


def _of_matrices(labels: ValuesSummary, predictions: ValuesSummary) -> Iterator[str]:
    if predictions.width == 1:
        yield (
            "takes a score per class, and the model predicts one number per row. Take "
            "ConfusionMatrixAtThresholds or ConfusionMatrixPlot."
        )
    if labels.width == predictions.width > 1 and not labels.sums_to_one:
        yield (
            "takes labels of one class per row, and a row's label has several classes or none. "
            "Take MultiLabelConfusionMatrixPlot."
        )
    yield from _unknown_classes(labels, predictions)


def _of_two_classes(
    asked: _Asked, labels: ValuesSummary, predictions: ValuesSummary
) -> Iterator[str]:
    if _is_class_number(labels, predictions):
        # With two classes, each row is right or wrong in both columns.
        is_the_same = asked.name == "BinaryAccuracy" and predictions.width == 2
        if not asked.reduction and not is_the_same:
            instead = (
                "Take SparseCategoricalAccuracy, or set"
                if asked.name in ("BinaryAccuracy", "BalancedAccuracy")
                else "Set"
            )
            one = (
                "`binarize` to {'class_ids': {'values': [1]}}"
                if predictions.width == 2
                else "`binarize` for some classes"
            )
            yield (
                f"is of two classes, and the label is the number of one of {predictions.width}. "
                f"{instead} {one} in the metrics spec, or `aggregate` for their mean."
            )
        yield from _unknown_classes(labels, predictions)
    else:
        yield from _outside(labels)
    # `check_all_rows` says where BinaryAccuracy cuts logits off: it is still a share of right rows.
    if asked.name != "BinaryAccuracy" and not _is_cut(asked):
        yield from _logits(predictions, "Give `thresholds`, or let ")


def _is_cut(asked: _Asked) -> bool:
    """Says whether the author chose where scores are cut off, or which classes are counted."""
    cuts = {"threshold", "thresholds", "left", "right"}
    return bool(cuts & set(asked.arguments)) or asked.reduction == "top"


def _reduced(asked: _Asked) -> Iterator[str]:
    if asked.reduction in ("class", "micro"):
        yield NOT_WHOLE


def _unknown_classes(labels: ValuesSummary, predictions: ValuesSummary) -> Iterator[str]:
    # TFMA uses -1 for a class without a number.
    if labels.width == 1 and (
        not labels.is_whole or labels.low < -1 or labels.high >= predictions.width
    ):
        wrong = labels.low if labels.low < -1 or not labels.is_whole else labels.high
        yield (
            f"met the label {wrong:g}, and the model predicts {predictions.width} classes, "
            f"expected class numbers from 0 to {predictions.width - 1}. Count the label's classes "
            "as the model does."
        )


def _all_right(asked: _Asked, predictions: ValuesSummary) -> Iterator[str]:
    if "TopK" in asked.name:
        k = asked.arguments.get("k", _DEFAULT_K)
        if k >= predictions.width:
            yield (
                f"takes a class for right that is among the top {k}, and there are "
                f"{predictions.width} classes, so all are right. Set `config` to "
                f"'{{\"k\": {max(1, predictions.width - 1)}}}' or less."
            )


def _outside(labels: ValuesSummary) -> Iterator[str]:
    if labels.low < -_ROUNDING or labels.high > 1 + _ROUNDING:
        wrong = labels.high if labels.high > 1 + _ROUNDING else labels.low
        yield (
            f"a metric of two classes met the label {wrong:g}, expected labels from 0 to 1. For "
            "more classes set `binarize` or `aggregate` in the metrics spec; for a number to "
            "predict take a regression metric."
        )


def _logits(predictions: ValuesSummary, advice: str) -> Iterator[str]:
    is_outside = predictions.low < -_ROUNDING or predictions.high > 1 + _ROUNDING
    if is_outside or predictions.num_infinite:
        function = "sigmoid" if predictions.width == 1 else "softmax"
        yield (
            f"takes probabilities, and the model predicts numbers from {predictions.low:g} to "
            f"{predictions.high:g}. {advice}the model's signature apply a {function}."
        )


def _is_class_number(labels: ValuesSummary, predictions: ValuesSummary) -> bool:
    return labels.width == 1 and predictions.width > 1


def _is_of_two_classes(name: str) -> bool:
    found = metric_types.registered_metrics().get(name)
    return found is not None and found.__module__.rpartition(".")[2] in _TWO_CLASS_MODULES


def _pairs(surveys: Sequence[Survey], config: Any) -> Iterator[tuple[_Asked, Survey]]:
    for asked in _asked(config):
        for survey in surveys:
            if _is_among(survey.model_name, asked.models) and _is_among(
                survey.output_name, asked.outputs
            ):
                yield asked, survey


def _is_among(name: str, names: frozenset[str]) -> bool:
    return not name or not names or name in names


def _asked(config: Any) -> Iterator[_Asked]:
    for spec in config.metrics_specs:
        for metric in spec.metrics:
            if metric.module:
                continue  # the author's own metric
            arguments = arguments_of(metric.class_name, metric.config)
            tops = [*spec.binarize.top_k_list.values, *spec.aggregate.top_k_list.values]
            tops += [*spec.binarize.k_list.values, arguments.get("top_k") or 0]
            yield _Asked(
                name=metric.class_name,
                arguments=arguments,
                reduction=_reduction(spec, arguments),
                top_k=max(tops),
                models=frozenset(spec.model_names),
                outputs=frozenset(spec.output_names),
            )


def _reduction(spec: Any, arguments: Mapping[str, Any]) -> _Reduction:
    if spec.binarize.top_k_list.values or spec.aggregate.top_k_list.values:
        return "top"
    if arguments.get("top_k") is not None:
        return "top"
    if spec.aggregate.micro_average:
        return "micro"
    per_class = spec.binarize.class_ids.values or spec.binarize.k_list.values
    is_mean = spec.aggregate.macro_average or spec.aggregate.weighted_macro_average
    return "class" if per_class or is_mean or arguments.get("class_id") is not None else ""

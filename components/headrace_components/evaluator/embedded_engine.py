"""Evaluates in this process, without Beam: inference in large batches, metrics vectorised."""

import contextlib
import copy
import functools
import logging
import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.api import types
from tensorflow_model_analysis.metrics import metric_specs, metric_types
from tensorflow_model_analysis.utils import model_util, util

from headrace_components.contract.errors import InputError
from headrace_components.contract.texts import one_line
from headrace_components.evaluator.extraction import Extracts, NotEmbeddableError, extract
from headrace_components.evaluator.forms import check_all_rows, check_some_rows
from headrace_components.evaluator.kernels import Kernel, kernel_of
from headrace_components.evaluator.matrices import Result, result_of
from headrace_components.evaluator.metric_inputs import FEATURE_FREE_KEYS
from headrace_components.evaluator.results import SlicedMetrics
from headrace_components.evaluator.row_checks import check_numbers
from headrace_components.evaluator.rows import EvaluationRows
from headrace_components.evaluator.slices import assign
from headrace_components.evaluator.survey import Survey, merged, surveys
from headrace_components.library.data.number_types import is_number

_CHUNK_ROWS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """TFMA's computations, each once, in TFMA's order.

    Attributes:
        base: From rows to results.
        derived: From results of a slice to more of them.
    """

    base: Sequence[Any]
    derived: Sequence[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """The results of an evaluation.

    Attributes:
        sliced: The same results as TFMA's, for each slice.
        surveys: The surveys of labels and predictions.
    """

    sliced: list[SlicedMetrics]
    surveys: list[Survey]


def evaluate(rows: EvaluationRows, config: Any, models: Sequence[Any]) -> Evaluated:
    """Returns the same metrics as TFMA, for each slice.

    Args:
        rows: The examples.
        config: A `tfma.EvalConfig` with its defaults.
        models: `tfma.EvalSharedModel`s by model spec; empty if predictions are a feature.

    Raises:
        InputError: The examples do not fit the config, a metric or a model.
        NotEmbeddableError: Only TFMA on Beam can compute it; nothing was computed yet.
    """
    plan = _plan(rows, config, models)
    extracts = extract(rows, config, models)
    surveyed = merged([surveys(config, extracts.labels, extracts.predictions, extracts.weights)])
    check_numbers(surveyed, config, rows.splits)
    check_some_rows(surveyed, config)
    check_all_rows(surveyed, config)
    slices = assign(
        list(config.slicing_specs), extracts.features, extracts.transformed, extracts.num_rows
    )
    kernels = list(_kernels(plan, extracts, config))
    derived = [result_of(computation) for computation in plan.derived]
    baseline = model_util.get_baseline_model_spec(config)
    smallest = config.options.min_slice_size.value
    results: list[SlicedMetrics] = []
    for key, members in slices.items():
        if key and len(members) < smallest:
            # As in TFMA: a threshold for this slice then counts as missed.
            message = f"The slice has {len(members)} examples, fewer than {smallest}."
            results.append((key, {constants.ERROR_METRIC_NAME: message}))
            continue
        values = _results(members, kernels, derived)
        values.update(_changes(values, baseline.name if baseline else ""))
        results.append((key, {k: v for k, v in values.items() if not _is_private(k)}))
    return Evaluated(sliced=results, surveys=surveyed)


def _results(
    rows: NDArray[np.int64], kernels: Sequence[Kernel], derived: Sequence[Result]
) -> dict[Any, Any]:
    values: dict[Any, Any] = {}
    for kernel in kernels:
        values.update(kernel(rows))
    # A slice without positives has a precision of 0 / 0, which TFMA then replaces.
    with np.errstate(divide="ignore", invalid="ignore"):
        for result in derived:
            values.update(result(values))
    return values


def _plan(rows: EvaluationRows, config: Any, models: Sequence[Any]) -> _Plan:
    for reason in _reasons_for_beam(config, models):
        raise NotEmbeddableError(reason)
    computations = metric_specs.to_computations(
        list(config.metrics_specs), eval_config=config, schema=rows.schema
    )
    # Keep the first of equal computations in its place: later ones may depend on it.
    unique = list(dict.fromkeys(computations))
    kinds = (metric_types.MetricComputation, metric_types.DerivedMetricComputation)
    for computation in unique:
        if not isinstance(computation, kinds):
            raise NotEmbeddableError(f"it has a {type(computation).__name__}")
        for preprocessor in getattr(computation, "preprocessors", None) or ():
            _check_preprocessor(preprocessor)
    # Computations that depend on confidence intervals come last, as in TFMA.
    late = metric_types.CIDerivedMetricComputation
    derived = [c for c in unique if isinstance(c, metric_types.DerivedMetricComputation)]
    return _Plan(
        base=[c for c in unique if isinstance(c, metric_types.MetricComputation)],
        derived=sorted(derived, key=lambda computation: isinstance(computation, late)),
    )


def _reasons_for_beam(config: Any, models: Sequence[Any]) -> Iterator[str]:
    if config.options.compute_confidence_intervals.value:
        yield "it asks for confidence intervals"
    if config.cross_slicing_specs:
        yield "it compares slices with each other"
    if any(spec.slice_keys_sql for spec in config.slicing_specs):
        yield "it slices by SQL"
    if any(spec.query_key for spec in config.metrics_specs):
        yield "it groups examples by a query key"
    if config.options.disabled_outputs.values:
        yield "it disables outputs"
    for model in models:
        if model.model_type not in (constants.TF_GENERIC, constants.TF_ESTIMATOR):
            yield f"a model is of type {model.model_type}"


def _check_preprocessor(preprocessor: Any) -> None:
    is_standard = type(preprocessor) is metric_types.StandardMetricInputsPreprocessor
    if not is_standard or not set(preprocessor.include_filter) <= FEATURE_FREE_KEYS:
        raise NotEmbeddableError(f"a metric reads examples by {preprocessor.name}")


def _kernels(plan: _Plan, extracts: Extracts, config: Any) -> Iterator[Kernel]:
    row_inputs: list[Any] = []
    for computation in plan.base:
        names = sorted({key.name.partition(":")[0].lstrip("_") for key in computation.keys})
        names = names or [type(computation.combiner).__name__]
        with _explained(names):
            kernel = kernel_of(computation, extracts, config)
        if kernel is None:
            logging.info("evaluator: %s has no vectorised form: computed row by row.", names)
            if not row_inputs:
                row_inputs += _row_inputs(extracts)
            kernel = _row_by_row(computation.combiner, row_inputs)
        yield functools.partial(_call, kernel, names)


def _call(kernel: Kernel, names: Sequence[str], rows: NDArray[np.int64]) -> dict[Any, Any]:
    with _explained(names):
        return kernel(rows)


@contextlib.contextmanager
def _explained(names: Sequence[str]) -> Iterator[None]:
    """Names the metric that labels, predictions and weights do not fit."""
    try:
        yield
    except (ValueError, TypeError, tf.errors.OpError) as error:
        logging.info("evaluator: where it stopped:", exc_info=True)
        text = one_line(error, 300)
        raise InputError(
            f"{', '.join(names)} stopped on the labels and predictions: {text}. Check "
            "that the label has the kind that the model predicts, set `binarize` or `aggregate` "
            "for more than two classes, or take another metric."
        ) from error


def _row_inputs(extracts: Extracts) -> list[Any]:
    """Returns each row as TFMA's combiners take it."""
    batch = {
        constants.LABELS_KEY: extracts.labels,
        constants.PREDICTIONS_KEY: extracts.predictions,
    }
    if extracts.weights is not None:
        batch[constants.EXAMPLE_WEIGHTS_KEY] = extracts.weights
    return [metric_types.StandardMetricInputs(row) for row in util.split_extracts(batch)]


def _row_by_row(combiner: Any, row_inputs: Sequence[Any]) -> Callable[[Any], dict[Any, Any]]:
    if hasattr(combiner, "setup"):
        combiner.setup()

    def kernel(rows: NDArray[np.int64]) -> dict[Any, Any]:
        accumulator = combiner.create_accumulator()
        for start in range(0, len(rows), _CHUNK_ROWS):
            # TFMA's CategoricalCrossEntropy divides the predictions that it is given, in place.
            chunk = [copy.deepcopy(row_inputs[row]) for row in rows[start : start + _CHUNK_ROWS]]
            accumulator = combiner.add_inputs(accumulator, chunk)
        result: dict[Any, Any] = combiner.extract_output(accumulator)
        return result

    return kernel


def _changes(values: Mapping[Any, Any], baseline: str) -> dict[Any, Any]:
    """Returns by how much numeric metrics of the candidate exceed those of the baseline."""
    if not baseline:
        return {}
    return {
        key.make_diff_key(): value - values[key.make_baseline_key(baseline)]
        for key, value in values.items()
        if not _is_private(key)
        and not key.is_diff
        and key.model_name != baseline
        and key.make_baseline_key(baseline) in values
        and _is_number(value)
    }


def _is_private(key: Any) -> bool:
    return key.name.startswith("_") and not key.name.startswith("__")


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "c" or is_number(value.dtype)
    return isinstance(value, (numbers.Number, types.StructuredMetricValue))

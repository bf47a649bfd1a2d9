"""Turns examples into labels, predictions and weights of all rows, like TFMA's extractors.

For each row it keeps the label, prediction, weight, and the features for slices and transformed
labels. This is some tens of bytes, so a hundred million rows fit in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.utils import model_util, util

from headrace_components.evaluator.inference import (
    DEFAULT_TRANSFORMS,
    predicting,
    shared_by_name,
    transforming,
)
from headrace_components.evaluator.rows import EvaluationRows, feature_keys
from headrace_components.evaluator.survey import dense, widened


class NotEmbeddableError(Exception):
    """The embedded engine does not support an evaluation; TFMA on Beam does it. Not a failure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracts:
    """All rows of an evaluation.

    Attributes:
        num_rows: Number of rows.
        labels: Array of shape `(num_rows, ...)`, or such arrays by model and output name; None
            without labels.
        predictions: As `labels`.
        weights: Like `labels`; None if rows have no weight.
        features: Raw features for slices, as list columns.
        transformed: Transformed features that slices may come from, one mapping per model.
    """

    num_rows: int
    labels: Any
    predictions: Any
    weights: Any
    features: pa.Table
    transformed: tuple[Mapping[str, Any], ...]


def extract(rows: EvaluationRows, config: Any, models: Sequence[Any]) -> Extracts:
    """Reads all rows and runs the models on them.

    Args:
        rows: The examples.
        config: A `tfma.EvalConfig` with its defaults.
        models: `tfma.EvalSharedModel`s by model spec; empty if predictions are a feature.

    Raises:
        InputError: A feature or label is missing, or a model does not take the examples.
        NotEmbeddableError: A label, weight or prediction is not an array.
    """
    table = rows.check_features(config, has_model=bool(models))
    predicted: dict[str, Any] = {}
    if models:
        predicted = _run_models(rows, config, models)
    transformed = predicted.get(constants.TRANSFORMED_FEATURES_KEY) or {}
    by_model = _by_model(list(config.model_specs), transformed)
    for name, where in sorted(feature_keys(config, predictions=not models).items()):
        if name not in table.column_names and not any(name in features for features in by_model):
            raise rows.absent(name, where)
    extracts = {
        constants.FEATURES_KEY: _tensor_values(rows, config, table),
        constants.TRANSFORMED_FEATURES_KEY: transformed,
    }
    specs = list(config.model_specs)
    return Extracts(
        num_rows=table.num_rows,
        labels=_checked(_values(specs, "label_key", extracts, allow_missing=True)),
        predictions=_checked(
            predicted[constants.PREDICTIONS_KEY]
            if models
            else _values(specs, "prediction_key", extracts)
        ),
        weights=_checked(_values(specs, "example_weight_key", extracts)),
        features=table,
        transformed=by_model,
    )


def _values(specs: Sequence[Any], field: str, extracts: Any, *, allow_missing: bool = False) -> Any:
    return model_util.get_feature_values_for_model_spec_field(
        specs, field, f"{field}s", extracts, allow_missing
    )


def _tensor_values(rows: EvaluationRows, config: Any, table: pa.Table) -> dict[str, Any]:
    """Returns the raw features for labels, weights or predictions, as TFMA's tensors."""
    keys = [name for name in table.column_names if name in feature_keys(config, slices=False)]
    if not keys:
        return {}
    columns = [table.column(name).combine_chunks() for name in keys]
    batch = pa.RecordBatch.from_arrays([_whole(column) for column in columns], keys)
    representations = rows.tensor_representations()
    known = {name: representations[name] for name in keys if name in representations}
    values: dict[str, Any] = util.record_batch_to_tensor_values(batch, known)
    return values


def _whole(column: Any) -> pa.Array:
    # Older pyarrow returns a chunked array here, of one chunk.
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def _checked(tree: Any) -> Any:
    """Returns `tree` if its leaves are arrays over the rows, as vectorised metrics need."""
    if isinstance(tree, Mapping):
        return {key: _checked(value) for key, value in tree.items()}
    tree = widened(dense(tree))
    if tree is not None and not isinstance(tree, np.ndarray):
        raise NotEmbeddableError(
            f"labels, weights or predictions come as {type(tree).__name__}, whose rows differ "
            "in length"
        )
    return tree


def _by_model(specs: Sequence[Any], transformed: Mapping[str, Any]) -> tuple[Any, ...]:
    if not transformed:
        return ()
    if len(specs) == 1:
        return (transformed,)
    return tuple(transformed[spec.name] for spec in specs if spec.name in transformed)


def _run_models(rows: EvaluationRows, config: Any, models: Sequence[Any]) -> dict[str, Any]:
    """Returns predictions and the transformed features that the config names, of all rows."""
    shared = shared_by_name(models)
    stages = [transforming(config, shared), predicting(config, shared)]
    for stage in stages:
        stage.setup()
    loaded = {name: model.model_loader.load() for name, model in shared.items()}
    kept = set(feature_keys(config))
    batches = []
    for batch in _model_inputs(rows, config, loaded):
        extracts = batch
        for stage in stages:
            (extracts,) = stage.process(extracts)
        transformed = _only(extracts[constants.TRANSFORMED_FEATURES_KEY], kept)
        batches.append(
            {
                constants.PREDICTIONS_KEY: extracts[constants.PREDICTIONS_KEY],
                constants.TRANSFORMED_FEATURES_KEY: transformed,
            }
        )
    joined: dict[str, Any] = _joined(batches)
    return joined


def _model_inputs(
    rows: EvaluationRows, config: Any, loaded: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yields batches as TFMA's inference takes them, without features that no signature reads."""
    names = _feature_inputs(rows, config, loaded)
    if not names:
        for records in rows.serialized():
            yield {constants.INPUT_KEY: _as_array(records), constants.FEATURES_KEY: {}}
        return
    representations = rows.tensor_representations()
    for batch, records in rows.batches():
        wanted = [name for name in batch.schema.names if name in names]
        selected = pa.RecordBatch.from_arrays([batch[name] for name in wanted], wanted)
        known = {name: representations[name] for name in wanted if name in representations}
        features = util.record_batch_to_tensor_values(selected, known) if wanted else {}
        yield {constants.INPUT_KEY: _as_array(records), constants.FEATURES_KEY: features}


def _as_array(records: Sequence[bytes]) -> Any:
    array = np.empty(len(records), dtype=object)
    array[:] = records
    return array


def _feature_inputs(rows: EvaluationRows, config: Any, loaded: Mapping[str, Any]) -> set[str]:
    """Returns the features that a signature reads; empty if all take serialized examples."""
    names: set[str] = set()
    for spec in config.model_specs:
        model = loaded[spec.name if len(config.model_specs) > 1 else ""]
        transforms = list(spec.preprocessing_function_names) or DEFAULT_TRANSFORMS
        for signature in (spec.signature_name, *transforms):
            if "@" in signature:
                names |= set(signature.split("@")[1:])
                continue
            inputs = model_util.get_input_specs(model, signature, required=False) or {}
            if len(inputs) == 1 and next(iter(inputs.values())).dtype == tf.string:
                inputs = {name: None for name in inputs if name in rows.feature_names()}
            names |= {part for name in inputs for part in (name, name.removesuffix("_input"))}
    return names


def _only(tree: Any, names: set[str]) -> dict[str, Any]:
    kept = {}
    for key, value in (tree or {}).items():
        if isinstance(value, Mapping):
            kept[key] = _only(value, names)
        elif key in names:
            kept[key] = value
    return kept


def _joined(parts: Sequence[Any]) -> Any:
    """Joins equally shaped trees of arrays along the rows."""
    first = parts[0]
    if isinstance(first, Mapping):
        return {key: _joined([part[key] for part in parts]) for key in first}
    arrays = [np.asarray(part) for part in parts]
    if len({array.shape[1:] for array in arrays}) > 1:
        raise NotEmbeddableError("predictions differ in shape from batch to batch")
    return np.concatenate(arrays)

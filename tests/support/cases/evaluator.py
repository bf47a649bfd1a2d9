"""Examples and models that the tests of evaluator share."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import tensorflow as tf

from headrace_components.library.data.examples import ExamplesWriter

TYPES = {int: pa.int64(), float: pa.float32(), bytes: pa.large_binary()}


def write_examples(
    path: Path, columns: Mapping[str, Sequence[Any]], *, split: str = "eval", columnar: bool = True
) -> Path:
    """Writes one split; a value is a scalar, a list, or None where the row lacks the feature."""
    arrays = {}
    for name, values in columns.items():
        lists = [value if isinstance(value, (list, type(None))) else [value] for value in values]
        kind = TYPES[type(next(item for row in lists for item in row or []))]
        arrays[name] = pa.array(lists, pa.large_list(kind))
    with ExamplesWriter(path, split, columnar=columnar) as writer:
        writer.write(pa.RecordBatch.from_pydict(dict(sorted(arrays.items()))))
    return path


def flights(num_rows: int, seed: int = 7) -> dict[str, list[Any]]:
    """Rows with a label that depends on `distance`, carriers, origins that may be missing."""
    random = np.random.default_rng(seed)
    distance = random.normal(size=num_rows)
    late = (distance + random.normal(size=num_rows) > 0.8).astype(int)
    carriers = np.array([b"AA", b"B6", b"UA", b"9E"])[random.integers(0, 4, num_rows)]
    origins = np.array([b"EWR", b"JFK"])[random.integers(0, 2, num_rows)]
    return {
        "carrier": carriers.tolist(),
        "distance": distance.astype(np.float32).tolist(),
        "hour": random.integers(5, 8, num_rows).tolist(),
        "late": late.tolist(),
        "late_float": late.astype(np.float32).tolist(),
        "minutes": (40 * distance + random.normal(size=num_rows)).astype(np.float32).tolist(),
        "month_class": random.integers(0, 3, num_rows).tolist(),
        "origin": [o if k % 9 else None for k, o in enumerate(origins.tolist())],
        "weight": random.uniform(0.5, 2.0, num_rows).astype(np.float32).tolist(),
    }


def _scored(formula: Callable[[Any], Any]) -> Any:
    """A module that scores `distance`, from serialized tf.Examples or from the feature itself."""

    def serve(examples: Any) -> dict[str, Any]:
        spec = {"distance": tf.io.FixedLenFeature([1], tf.float32)}
        return {"output_0": formula(tf.io.parse_example(examples, spec)["distance"])}

    def score(distance: Any) -> dict[str, Any]:
        return {"output_0": formula(distance)}

    def transform_features(examples: Any) -> dict[str, Any]:
        spec = {name: tf.io.FixedLenFeature([1], tf.int64) for name in ("late", "hour")}
        parsed = tf.io.parse_example(examples, spec)
        return {"late_xf": parsed["late"], "hour_xf": parsed["hour"] * 10}

    records = [tf.TensorSpec([None], tf.string, "examples")]
    module = tf.Module()
    module.serve = tf.function(serve, input_signature=records)
    module.transform_features = tf.function(transform_features, input_signature=records)
    feature = [tf.TensorSpec([None, 1], tf.float32, "distance")]
    module.score = tf.function(score, input_signature=feature)
    return module


def save_model(model: Path, slope: float = 1.0, bias: float = -0.8, kind: str = "binary") -> Path:
    """Saves a model of `distance` under `Format-Serving`, like `run_fn`; returns `model`.

    Args:
        model: The artifact's directory.
        slope: How much the score follows `distance`.
        bias: Score of a distance of zero.
        kind: `binary` gives a probability, `regression` a number, `classes` three probabilities.
    """

    def score(distance: Any) -> Any:
        logit = slope * distance + bias
        if kind == "classes":
            return tf.nn.softmax(tf.concat([logit, -logit, 0.3 * logit * logit], axis=-1))
        return tf.sigmoid(logit) if kind == "binary" else 40.0 * logit

    module = _scored(score)
    tf.saved_model.save(
        module,
        str(model / "Format-Serving"),
        signatures={
            "serving_default": module.serve,
            "by_feature": module.score,
            "transform_features": module.transform_features,
        },
    )
    return model


def save_keras_model(model: Path) -> Path:
    """Saves a Keras 3 model whose serving signature parses serialized tf.Examples."""
    inputs = keras.Input((1,), name="distance")
    network = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs))
    network.layers[-1].set_weights([np.array([[1.0]], np.float32), np.array([-0.8], np.float32)])

    def serve(examples: Any) -> dict[str, Any]:
        spec = {"distance": tf.io.FixedLenFeature([1], tf.float32)}
        return {"output_0": network(tf.io.parse_example(examples, spec))}

    signature = tf.function(
        serve, input_signature=[tf.TensorSpec([None], tf.string, "examples")]
    ).get_concrete_function()
    directory = str(model / "Format-Serving")
    tf.saved_model.save(network, directory, signatures={"serving_default": signature})
    return model


def metric(
    class_name: str, threshold: Mapping[str, Any] | None = None, **config: Any
) -> dict[str, Any]:
    """Returns a `tfma.MetricConfig` in JSON form."""
    entry: dict[str, Any] = {"class_name": class_name}
    if config:
        entry["config"] = json.dumps(config)
    if threshold:
        entry["threshold"] = threshold
    return entry


def at_least(bound: float) -> dict[str, Any]:
    """Returns a threshold on the value."""
    return {"value_threshold": {"lower_bound": bound}}


def eval_config(
    *metrics: Mapping[str, Any],
    slices: Sequence[Sequence[str]] = ((), ("carrier",)),
    label: str = "late",
    **model_spec: Any,
) -> dict[str, Any]:
    """Returns a `tfma.EvalConfig` in JSON form."""
    return {
        "model_specs": [{"label_key": label, **model_spec}],
        "slicing_specs": [{"feature_keys": list(keys)} if keys else {} for keys in slices],
        "metrics_specs": [{"metrics": list(metrics)}],
    }

"""AutoGraph converts the user's code as always, but not the code of libraries."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tf_keras
from tensorflow.python.autograph.core import config
from tensorflow.python.autograph.impl import conversion
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.beam import impl
from tensorflow_transform.beam.tft_beam_io import transform_fn_io
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from headrace_components.trainer.autograph_rules import libraries_unconverted

# The rules that the first TensorFlows with Keras 3 lack; later ones have one for tf_keras.
lacks_a_rule = pytest.mark.skipif(
    conversion.is_allowlisted(tf_keras.utils.to_categorical),
    reason="this TensorFlow never converts tf_keras, nor what it calls, with or without our rules",
)
ROWS = np.ones((8, 1), np.float32)


def doubled_when_positive(x: Any) -> Any:
    if tf.reduce_sum(x) > 0:
        return x * 2.0
    return x


class Doubling(tf_keras.layers.Layer):  # type: ignore[misc]  # TensorFlow has no types
    def call(self, x: Any) -> Any:
        if tf.reduce_sum(x) > 0:
            return x * 2.0
        return x


class Stepping(tf_keras.Model):  # type: ignore[misc]
    def train_step(self, data: Any) -> Any:
        x, _ = data
        if tf.reduce_sum(x) > 0:
            tf.print("", end="")
        return super().train_step(data)


def layer_of_the_users() -> tf_keras.Model:
    inputs = tf_keras.Input((1,))
    return tf_keras.Model(inputs, Doubling()(inputs))


def train_step_of_the_users() -> tf_keras.Model:
    inputs = tf_keras.Input((1,))
    return Stepping(inputs, tf_keras.layers.Dense(1)(inputs))


def loss_of_the_users(labels: Any, predictions: Any) -> Any:
    if tf.reduce_sum(predictions) > 0:
        return tf.reduce_mean(labels - predictions, -1)
    return tf.reduce_mean(predictions - labels, -1)


@lacks_a_rule
@pytest.mark.parametrize("build", [layer_of_the_users, train_step_of_the_users])
def test_control_flow_over_tensors_still_works(build: Callable[[], tf_keras.Model]) -> None:
    with libraries_unconverted():
        model = build()
        model.compile("sgd", loss_of_the_users, metrics=[loss_of_the_users])
        model.fit(ROWS, ROWS, verbose=0)


@lacks_a_rule
@pytest.mark.parametrize(
    "layer",
    [
        lambda: tf_keras.layers.Lambda(doubled_when_positive),
        lambda: tf_keras.layers.Dense(1, doubled_when_positive),
    ],
)
def test_a_function_that_the_library_calls_is_converted(layer: Callable[[], Any]) -> None:
    with libraries_unconverted():
        model = tf_keras.Sequential([layer()])
        traced = tf.function(lambda x: model(x))

        assert traced(tf.constant(ROWS)).shape == ROWS.shape


@lacks_a_rule
def test_libraries_are_exempt_only_within() -> None:
    library = tf_keras.utils.to_categorical
    converted_before = conversion.is_allowlisted(library)

    with libraries_unconverted():
        assert conversion.is_allowlisted(library)
        assert conversion.is_allowlisted(tft.TFTransformOutput.transform_features_layer)
        assert not conversion.is_allowlisted(doubled_when_positive)

    assert not converted_before
    assert not conversion.is_allowlisted(library)


def test_a_tensorflow_that_keeps_its_rules_elsewhere_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(config, "Convert")
    rules = config.CONVERSION_RULES

    with caplog.at_level("DEBUG"), libraries_unconverted():
        assert config.CONVERSION_RULES is rules

    assert "another form" in caplog.text


@pytest.mark.slow
def test_a_saved_transform_layer_gives_the_same_with_and_without(tmp_path: Path) -> None:
    graph = transform_graph(tmp_path)
    outputs = []
    for name, rules in (("with", libraries_unconverted), ("without", contextlib.nullcontext)):
        with rules():
            server = Server(tft.TFTransformOutput(str(graph)))
            tf.saved_model.save(server, str(tmp_path / name))
        saved = tf.saved_model.load(str(tmp_path / name))
        outputs.append(saved.serve(tf.constant([[-3.0], [0.0], [7.5]])).numpy().tolist())

    assert outputs[0] == outputs[1]
    assert outputs[0] == [[-1.0], [0.0], [2.5]]


class Server(tf.Module):  # type: ignore[misc]
    def __init__(self, transform: tft.TFTransformOutput) -> None:
        super().__init__()
        self._layer = transform.transform_features_layer()

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32)])  # type: ignore[untyped-decorator]
    def serve(self, hour: Any) -> Any:
        return self._layer({"hour": hour})["hour"]


def transform_graph(tmp_path: Path) -> Path:
    """Returns a graph that divides `hour` by the standard deviation of -3 and 3, which is 3."""
    spec = {"hour": tf.io.FixedLenFeature([1], tf.float32)}
    schema: schema_pb2.Schema = schema_utils.schema_from_feature_spec(spec)
    rows = [{"hour": [-3.0]}, {"hour": [3.0]}]
    with impl.Context(temp_dir=str(tmp_path / "temp")):
        _, function = (
            rows,
            dataset_metadata.DatasetMetadata(schema),
        ) | impl.AnalyzeAndTransformDataset(
            lambda inputs: {"hour": tft.scale_to_z_score(inputs["hour"])}
        )
        _ = function | transform_fn_io.WriteTransformFn(str(tmp_path / "graph"))
    return tmp_path / "graph"

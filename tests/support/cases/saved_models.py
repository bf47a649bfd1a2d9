"""Small SavedModels over tf.Examples with a float feature `hour`, for tests of what serves them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from headrace_components.library.data.examples import ExamplesWriter

NUM_ROWS = 20


def _function(
    name: str, dtype: Any = tf.string, shape: tuple[int | None, ...] = (None,)
) -> Callable[[Callable[..., Any]], Any]:
    wrap: Callable[[Callable[..., Any]], Any] = tf.function(
        input_signature=[tf.TensorSpec(shape, dtype, name=name)]
    )
    return wrap


class HourModel(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """Answers with twice the hour, and with other outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = tf.Variable(2.0)

    def _hour(self, serialized: Any) -> Any:
        spec = {"hour": tf.io.FixedLenFeature([1], tf.float32)}
        return tf.io.parse_example(serialized, spec)["hour"]

    @_function("examples")
    def serve(self, examples: Any) -> Any:
        hour = self._hour(examples)
        return {
            "score": hour * self.factor,
            "vector": tf.concat([hour, -hour, hour + 1.0], axis=1),
            "name": tf.strings.as_string(tf.cast(hour, tf.int64)),
            "count": tf.cast(hour[:, 0], tf.int64),
            "matrix": tf.ones([tf.shape(hour)[0], 2, 2]),
        }

    @_function("inputs")
    def classify(self, inputs: Any) -> Any:
        hour = self._hour(inputs)
        scores = tf.concat([hour / 24.0, 1.0 - hour / 24.0], axis=1)
        classes = tf.repeat([["late", "early"]], tf.shape(hour)[0], axis=0)
        return {"scores": scores, "classes": classes}

    @_function("inputs")
    def regress(self, inputs: Any) -> Any:
        return {"outputs": self._hour(inputs) * self.factor}

    @_function("hour", tf.float32, (None, 1))
    def raw(self, hour: Any) -> Any:
        return {"score": hour * self.factor}

    @_function("examples")
    def total(self, examples: Any) -> Any:
        return {"sum": tf.reduce_sum(self._hour(examples))}


def save_model(folder: Path) -> Path:
    """Writes `Format-Serving` with all signatures below `folder` and returns `folder`.

    `classify` and `regress` have the methods of those names, as an Estimator's have.
    """
    model = HourModel()
    signatures = {
        "serving_default": model.serve,
        "classify": model.classify,
        "regress": model.regress,
        "raw": model.raw,
        "total": model.total,
    }
    tf.saved_model.save(model, str(folder / "Format-Serving"), signatures)
    set_methods(folder, {name: name for name in ("classify", "regress")})
    return folder


def set_methods(folder: Path, methods: Mapping[str, str]) -> None:
    """Changes the method of signatures, which TensorFlow 2 always saves as `predict`."""
    file = folder / "Format-Serving/saved_model.pb"
    proto = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for name, method in methods.items():
        signature = proto.meta_graphs[0].signature_def[name]
        signature.method_name = f"tensorflow/serving/{method}"
    file.write_bytes(proto.SerializeToString())


def write_examples(folder: Path, num_rows: int = NUM_ROWS, feature: str = "hour") -> Path:
    """Writes splits `train` and `eval`, row n with the hour n modulo 24, and returns `folder`."""
    hours = pa.array([[n % 24] for n in range(num_rows)], pa.large_list(pa.float32()))
    names = pa.array([[b"UA"]] * num_rows, pa.large_list(pa.large_binary()))
    for split in ("train", "eval"):
        with ExamplesWriter(folder, split) as writer:
            writer.write(pa.RecordBatch.from_arrays([names, hours], ["carrier", feature]))
    return folder

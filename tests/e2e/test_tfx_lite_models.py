"""A TFX pipeline whose trainer writes a model of TensorFlow Lite."""

from pathlib import Path

import pytest

import headrace

pytestmark = pytest.mark.slow

MODULE = """
import os

import tensorflow as tf
from tensorflow_transform.tf_metadata import schema_utils
from tfx.components.trainer.rewriting import converters, rewriter, rewriter_factory
from tfx.dsl.io import fileio
from tfx_bsl.public import tfxio


def run_fn(fn_args):
    columns = {name: tf.io.FixedLenFeature([1], tf.float32) for name in ("x", "y")}
    rows = fn_args.data_accessor.tf_dataset_factory(
        fn_args.train_files,
        tfxio.TensorFlowDatasetOptions(batch_size=10, label_key="y"),
        schema_utils.schema_from_feature_spec(columns),
    ).repeat()
    x = tf.keras.Input((1,), name="x")
    model = tf.keras.Model({"x": x}, tf.keras.layers.Dense(1)(x))
    model.compile("sgd", "mse")
    model.fit(rows, steps_per_epoch=fn_args.train_steps, verbose=0)
    saved = os.path.join(fn_args.serving_model_dir, "temp")
    model.save(saved, save_format="tf")
    lite = rewriter_factory.create_rewriter(rewriter_factory.TFLITE_REWRITER, name="lite")
    converters.rewrite_saved_model(
        saved, fn_args.serving_model_dir, lite, rewriter.ModelType.TFLITE_MODEL
    )
    fileio.rmtree(saved)
"""

PIPELINE = """
import tensorflow_model_analysis as tfma
from tfx import v1 as tfx

rows = tfx.components.CsvExampleGen(input_base={data!r})
trainer = tfx.components.Trainer(
    module_file="model.py",
    examples=rows.outputs["examples"],
    train_args=tfx.proto.TrainArgs(num_steps=100),
    eval_args=tfx.proto.EvalArgs(num_steps=5),
)
limit = tfma.MetricThreshold(
    value_threshold=tfma.GenericValueThreshold(upper_bound={{"value": 5.0}})
)
error = tfma.MetricConfig(class_name="MeanSquaredError", threshold=limit)
evaluator = tfx.components.Evaluator(
    examples=rows.outputs["examples"],
    model=trainer.outputs["model"],
    eval_config=tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(label_key="y", model_type="tf_lite")],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=[error])],
    ),
)
pusher = tfx.components.Pusher(
    model=trainer.outputs["model"],
    model_blessing=evaluator.outputs["blessing"],
    push_destination={{"filesystem": {{"base_directory": {serving!r}}}}},
)
nodes = [rows, trainer, evaluator, pusher]
tfx.orchestration.LocalDagRunner().run(tfx.dsl.Pipeline("lite", {root!r}, components=nodes))
"""


def test_a_model_of_tensorflow_lite_is_made_evaluated_and_pushed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    lines = ["x,y", *(f"{n / 10},{n / 5 + 0.5}" for n in range(60)), ""]
    (tmp_path / "data/rows.csv").write_text("\n".join(lines), "utf-8")
    (tmp_path / "model.py").write_text(MODULE, "utf-8")
    names = {name: str(tmp_path / name) for name in ("data", "serving", "root")}
    (tmp_path / "pipeline.py").write_text(PIPELINE.format(**names), "utf-8")

    result = headrace.run(str(tmp_path / "pipeline.py"))

    assert result.state == "succeeded", result.failures
    (pushed,) = (tmp_path / "serving").iterdir()
    assert (pushed / "tflite").stat().st_size > 0
    assert not (pushed / "saved_model.pb").exists()

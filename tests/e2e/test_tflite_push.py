# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False
"""A model is trained, evaluated and converted to TF Lite, and pushed only if both models agree."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from kfp import dsl

import headrace
from headrace_components.catalog import (
    csv_example_gen,
    evaluator,
    pusher,
    schema_gen,
    statistics_gen,
    tflite_converter,
    trainer,
    transform,
)

REPOSITORY = Path(__file__).parents[2]
MODULE = str(REPOSITORY / "tests/fixtures/tflite_penguins/module.py")
EVAL_CONFIG = {
    "model_specs": [{"label_key": "species"}],
    "metrics_specs": [
        {
            "metrics": [
                {
                    "class_name": "SparseCategoricalAccuracy",
                    "threshold": {"value_threshold": {"lower_bound": 0.8}},
                }
            ]
        }
    ],
}

pytestmark = pytest.mark.slow


@dsl.pipeline(name="tflite-penguins")
def tflite_penguins(data: str, phones: str, watches: str):
    examples = csv_example_gen(input_base=data).outputs["examples"]
    statistics = statistics_gen(examples=examples).outputs["statistics"]
    schema = schema_gen(statistics=statistics, infer_feature_shape=False).outputs["schema"]
    transformed = transform(examples=examples, schema=schema, module_file=MODULE)
    model = trainer(
        examples=transformed.outputs["transformed_examples"],
        transform_graph=transformed.outputs["transform_graph"],
        module_file=MODULE,
        train_steps=150,
    ).outputs["model"]
    verdict = evaluator(examples=examples, model=model, eval_config=EVAL_CONFIG)
    converted = tflite_converter(
        model=model,
        model_blessing=verdict.outputs["blessing"],
        examples=transformed.outputs["transformed_examples"],
        signature_name="lite",
        quantization="int8",
        label_key="species",
        max_metric_loss={"SparseCategoricalAccuracy": 0.02},
    )
    pusher(
        model=converted.outputs["converted_model"],
        model_blessing=converted.outputs["blessing"],
        base_directory=phones,
    )
    spoilt = tflite_converter(
        model=model,
        examples=transformed.outputs["transformed_examples"],
        signature_name="lite",
        quantization="float16",
        max_relative_difference=0.0,
    )
    pusher(
        model=spoilt.outputs["converted_model"],
        model_blessing=spoilt.outputs["blessing"],
        base_directory=watches,
    )


def test_a_converted_model_is_pushed_and_a_spoilt_one_is_not(tmp_path: Path) -> None:
    script = REPOSITORY / "examples/penguins/prepare_data.py"
    subprocess.run([sys.executable, script, tmp_path / "data/penguins.csv"], check=True)

    result = headrace.run(
        tflite_penguins,
        parameters={
            "data": str(tmp_path / "data"),
            "phones": str(tmp_path / "phones"),
            "watches": str(tmp_path / "watches"),
        },
        root=tmp_path / "root",
    )

    assert result.state == "succeeded", result.failures
    assert not (tmp_path / "watches").exists()
    (version,) = (tmp_path / "phones").iterdir()
    how = json.loads((version / "signature.json").read_text("utf-8"))
    assert how["signature_name"] == "lite"
    runner = tf.lite.Interpreter(str(version / "model.tflite")).get_signature_runner("lite")
    # Chinstraps have long and deep bills, Adelies short ones.
    bills = {"bill_length_mm": [[1.0], [-1.2]], "bill_depth_mm": [[0.8], [0.6]]}
    answer = runner(**{name: np.array(value, np.float32) for name, value in bills.items()})
    assert answer["probabilities"].argmax(axis=1).tolist() == [1, 0]

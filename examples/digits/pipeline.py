"""Recognizes handwritten digits: tunes a model, tries it in a server, shrinks it for devices."""

from kfp import dsl

from headrace_components.catalog import (
    bulk_inferrer,
    evaluator,
    import_example_gen,
    infra_validator,
    pusher,
    schema_gen,
    statistics_gen,
    tflite_converter,
    trainer,
    transform,
    tuner,
)

EVAL_CONFIG = {
    "model_specs": [{"label_key": "label"}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {
                    "class_name": "SparseCategoricalAccuracy",
                    "threshold": {"value_threshold": {"lower_bound": 0.9}},
                },
                {"class_name": "MultiClassConfusionMatrixPlot"},
            ]
        }
    ],
}
PREDICTED = {
    "output_columns_spec": [
        {
            "predict_output": {
                "output_columns": [{"output_key": "probabilities", "output_column": "predicted"}]
            }
        }
    ]
}


@dsl.pipeline(name="digits")
def digits(
    data: str = "data",
    train_steps: int = 400,
    serving_dir: str = "serving/digits",
    devices_dir: str = "serving/digits-lite",
):
    """Tunes and trains a model, and pushes it for servers and, quantized, for devices.

    Args:
        data: Directory or URI of the file digits.tfrecord.gz that prepare_data.py writes.
        train_steps: Batches of 32 digits to train on.
        serving_dir: Directory or URI that TensorFlow Serving watches.
        devices_dir: Directory or URI from which devices fetch the TF Lite model.
    """
    examples = import_example_gen(input_base=data).outputs["examples"]
    statistics = statistics_gen(examples=examples).outputs["statistics"]
    schema = schema_gen(statistics=statistics).outputs["schema"]
    transformed = transform(examples=examples, schema=schema, module_file="module.py")
    tuned = tuner(
        examples=transformed.outputs["transformed_examples"],
        transform_graph=transformed.outputs["transform_graph"],
        module_file="module.py",
        train_steps=50,
        eval_steps=10,
    )
    trained = trainer(
        examples=transformed.outputs["transformed_examples"],
        transform_graph=transformed.outputs["transform_graph"],
        hyperparameters=tuned.outputs["best_hyperparameters"],
        module_file="module.py",
        train_steps=train_steps,
    )
    verdict = evaluator(examples=examples, model=trained.outputs["model"], eval_config=EVAL_CONFIG)
    served = infra_validator(
        model=trained.outputs["model"],
        examples=examples,
        request_spec={"split_name": "eval", "num_examples": 5, "make_warmup": True},
    )
    pusher(
        model_blessing=verdict.outputs["blessing"],
        infra_blessing=served.outputs["blessing"],
        base_directory=serving_dir,
    )
    small = tflite_converter(
        model=trained.outputs["model"],
        model_blessing=verdict.outputs["blessing"],
        examples=transformed.outputs["transformed_examples"],
        signature_name="pixels",
        quantization="int8",
        label_key="label",
        max_metric_loss={"SparseCategoricalAccuracy": 0.02},
    )
    pusher(
        model=small.outputs["converted_model"],
        model_blessing=small.outputs["blessing"],
        base_directory=devices_dir,
    )
    bulk_inferrer(
        examples=examples,
        model=trained.outputs["model"],
        model_blessing=verdict.outputs["blessing"],
        data_spec={"example_splits": ["eval"]},
        output_example_spec=PREDICTED,
    )

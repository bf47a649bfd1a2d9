"""Predicts whether a flight from New York will arrive 15 or more minutes late."""

from kfp import dsl

from headrace_components.catalog import (
    csv_example_gen,
    evaluator,
    example_validator,
    latest_blessed_model,
    pusher,
    schema_gen,
    statistics_gen,
    trainer,
    transform,
)

AUC_THRESHOLD = {
    "value_threshold": {"lower_bound": 0.68},
    "change_threshold": {"direction": "HIGHER_IS_BETTER", "absolute": -0.005},
}
EVAL_CONFIG = {
    "model_specs": [{"label_key": "late"}],
    "slicing_specs": [{}, {"feature_keys": ["carrier"]}, {"feature_keys": ["origin"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {"class_name": "BinaryCrossentropy"},
                {"class_name": "BinaryAccuracy"},
                {
                    "class_name": "AUC",
                    "per_slice_thresholds": [{"slicing_specs": [{}], "threshold": AUC_THRESHOLD}],
                },
            ]
        }
    ],
}


@dsl.pipeline(name="flights")
def flights(
    data: str = "data",
    train_steps: int = 1500,
    serving_dir: str = "serving/flights",
):
    """Trains on two thirds of the flights of 2013, and pushes the model if it is not worse.

    Args:
        data: Directory or URI of the file flights.csv that prepare_data.py writes.
        train_steps: Batches of 512 flights to train on.
        serving_dir: Directory or URI that TensorFlow Serving watches.
    """
    examples = csv_example_gen(input_base=data).outputs["examples"]
    statistics = statistics_gen(examples=examples).outputs["statistics"]
    schema = schema_gen(statistics=statistics, infer_feature_shape=False).outputs["schema"]
    example_validator(statistics=statistics, schema=schema, fail_on_anomalies=True)
    transformed = transform(examples=examples, schema=schema, module_file="module.py")
    trained = trainer(
        examples=transformed.outputs["transformed_examples"],
        transform_graph=transformed.outputs["transform_graph"],
        schema=transformed.outputs["post_transform_schema"],
        module_file="module.py",
        train_steps=train_steps,
    )
    trained.set_cpu_limit("4").set_memory_limit("16G")
    baseline = latest_blessed_model()
    verdict = evaluator(
        examples=examples,
        model=trained.outputs["model"],
        baseline_model=baseline.outputs["model"],
        schema=schema,
        eval_config=EVAL_CONFIG,
    )
    pusher(
        model=trained.outputs["model"],
        model_blessing=verdict.outputs["blessing"],
        base_directory=serving_dir,
    )

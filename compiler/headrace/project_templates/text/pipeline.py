"""Trains a model that says whether a review is positive, and pushes it if it is good."""

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

EVAL_CONFIG = {
    "model_specs": [{"label_key": "positive"}],
    "slicing_specs": [{}, {"feature_keys": ["guests"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {"class_name": "AUC"},
                {
                    "class_name": "BinaryAccuracy",
                    "per_slice_thresholds": [
                        {
                            "slicing_specs": [{}],
                            "threshold": {
                                "value_threshold": {"lower_bound": 0.75},
                                # Not much worse than the last model that was good.
                                "change_threshold": {
                                    "direction": "HIGHER_IS_BETTER",
                                    "absolute": -0.01,
                                },
                            },
                        }
                    ],
                },
            ]
        }
    ],
}


@dsl.pipeline(name="my-project")
def pipeline(data: str = "data", train_steps: int = 300, serving_dir: str = "serving/my-project"):
    """Trains on two thirds of the reviews, and tries the model on the others.

    Args:
        data: Directory or URI of CSV files with a header line.
        train_steps: Batches of 32 reviews to train on.
        serving_dir: Directory or URI that TensorFlow Serving watches.
    """
    examples = csv_example_gen(input_base=data).outputs["examples"]
    statistics = statistics_gen(examples=examples).outputs["statistics"]
    schema = schema_gen(statistics=statistics).outputs["schema"]
    example_validator(statistics=statistics, schema=schema, fail_on_anomalies=True)
    transformed = transform(examples=examples, schema=schema, module_file="features.py")
    trained = trainer(
        examples=transformed.outputs["transformed_examples"],
        transform_graph=transformed.outputs["transform_graph"],
        module_file="model.py",
        train_steps=train_steps,
    )
    verdict = evaluator(
        examples=examples,
        model=trained.outputs["model"],
        baseline_model=latest_blessed_model().outputs["model"],
        schema=schema,
        eval_config=EVAL_CONFIG,
    )
    pusher(
        model=trained.outputs["model"],
        model_blessing=verdict.outputs["blessing"],
        base_directory=serving_dir,
    )

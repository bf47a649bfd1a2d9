"""Trains a model that recognizes what a picture shows, and pushes it if it is good."""

from kfp import dsl

from headrace_components.catalog import (
    evaluator,
    import_example_gen,
    infra_validator,
    latest_blessed_model,
    pusher,
    schema_gen,
    statistics_gen,
    trainer,
    transform,
)

EVAL_CONFIG = {
    "model_specs": [{"label_key": "label", "prediction_key": "probabilities"}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {
                    "class_name": "SparseCategoricalAccuracy",
                    "threshold": {
                        "value_threshold": {"lower_bound": 0.8},
                        # Not much worse than the last model that was good.
                        "change_threshold": {"direction": "HIGHER_IS_BETTER", "absolute": -0.01},
                    },
                },
                {"class_name": "MultiClassConfusionMatrixPlot"},
            ]
        }
    ],
}


@dsl.pipeline(name="my-project")
def pipeline(data: str = "data", train_steps: int = 300, serving_dir: str = "serving/my-project"):
    """Trains on two thirds of the pictures, and tries the model on the others.

    Args:
        data: Directory or URI of the TFRecord files that prepare_data.py writes.
        train_steps: Batches of 32 pictures to train on.
        serving_dir: Directory or URI that TensorFlow Serving watches.
    """
    examples = import_example_gen(input_base=data).outputs["examples"]
    statistics = statistics_gen(examples=examples).outputs["statistics"]
    schema = schema_gen(statistics=statistics).outputs["schema"]
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
        eval_config=EVAL_CONFIG,
    )
    # A server loads the model, and answers five pictures.
    served = infra_validator(
        model=trained.outputs["model"], examples=examples, request_spec={"num_examples": 5}
    )
    pusher(
        model=trained.outputs["model"],
        model_blessing=verdict.outputs["blessing"],
        infra_blessing=served.outputs["blessing"],
        base_directory=serving_dir,
    )

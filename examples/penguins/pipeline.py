"""The quick start: classifies penguins into three species."""

from kfp import dsl

from headrace_components.catalog import (
    csv_example_gen,
    evaluator,
    latest_blessed_model,
    pusher,
    schema_gen,
    statistics_gen,
    trainer,
    transform,
)

EVAL_CONFIG = {
    "model_specs": [{"label_key": "species"}],
    "slicing_specs": [{}, {"feature_keys": ["island"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {
                    "class_name": "SparseCategoricalAccuracy",
                    "threshold": {"value_threshold": {"lower_bound": 0.8}},
                },
            ]
        }
    ],
}


@dsl.pipeline(name="penguins")
def penguins(
    data: str = "data",
    train_steps: int = 200,
    serving_dir: str = "serving/penguins",
):
    """Trains on two thirds of the penguins, and pushes a model that is right for most others.

    Args:
        data: Directory or URI of the file penguins.csv that prepare_data.py writes.
        train_steps: Batches of 20 penguins to train on.
        serving_dir: Directory or URI that TensorFlow Serving watches.
    """
    examples = csv_example_gen(input_base=data).outputs["examples"]
    statistics = statistics_gen(examples=examples).outputs["statistics"]
    schema = schema_gen(statistics=statistics, infer_feature_shape=False).outputs["schema"]
    transformed = transform(examples=examples, schema=schema, module_file="module.py")
    trained = trainer(
        examples=transformed.outputs["transformed_examples"],
        transform_graph=transformed.outputs["transform_graph"],
        module_file="module.py",
        train_steps=train_steps,
    )
    verdict = evaluator(
        examples=examples,
        model=trained.outputs["model"],
        baseline_model=latest_blessed_model().outputs["model"],
        eval_config=EVAL_CONFIG,
    )
    pusher(
        model=trained.outputs["model"],
        model_blessing=verdict.outputs["blessing"],
        base_directory=serving_dir,
    )

"""Trains every day: reads a new day, checks it, and trains on the last days, from the last model.

headrace run pipeline.py                  # the newest day in data/
python prepare_data.py                    # one more day
headrace run pipeline.py -p span=20454    # a certain day: 2026-01-01, in days since 1970
"""

from kfp import dsl

from headrace_components.catalog import (
    csv_example_gen,
    distribution_validator,
    evaluator,
    latest_artifact,
    latest_blessed_model,
    pusher,
    schema_gen,
    span_range,
    statistics_gen,
    trainer,
)

DAYS = {"splits": [{"name": "orders", "pattern": "{YYYY}-{MM}-{DD}/*.csv"}]}
TRAIN_AND_EVAL = {
    "split_config": {
        "splits": [{"name": "train", "hash_buckets": 3}, {"name": "eval", "hash_buckets": 1}]
    }
}
# How much a column may differ from the day before, until the run fails.
DRIFT = {
    "default_slice_config": {
        "feature": [
            {
                "path": {"step": [column]},
                "distribution_comparator": {"jensen_shannon_divergence": {"threshold": 0.2}},
            }
            for column in ("city", "carrier", "distance_km", "hour")
        ],
        "num_examples_comparator": {"min_fraction_threshold": 0.5},
    }
}
EVAL_CONFIG = {
    "model_specs": [{"label_key": "late"}],
    "slicing_specs": [{}, {"feature_keys": ["carrier"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {
                    "class_name": "AUC",
                    "per_slice_thresholds": [
                        {
                            "slicing_specs": [{}],
                            "threshold": {"value_threshold": {"lower_bound": 0.55}},
                        }
                    ],
                },
            ]
        }
    ],
}


@dsl.pipeline(name="my-project")
def pipeline(
    data: str = "data",
    span: int = -1,
    train_steps: int = 200,
    serving_dir: str = "serving/my-project",
):
    """Continues to train the model of the last run, with the orders of up to seven days.

    Args:
        data: Directory or URI with a directory for each day.
        span: The day to read, in days since 1970-01-01; -1 for the newest.
        train_steps: Batches of 64 orders to train on.
        serving_dir: Directory or URI that TensorFlow Serving watches.
    """
    today = csv_example_gen(
        input_base=data, input_config=DAYS, output_config=TRAIN_AND_EVAL, span=span
    ).outputs["examples"]
    statistics = statistics_gen(examples=today).outputs["statistics"]
    yesterday = latest_artifact(producer="statistics-gen", output="statistics")
    distribution_validator(
        statistics=statistics,
        baseline_statistics=yesterday.outputs["artifact"],
        config=DRIFT,
    )
    week = span_range(examples=today, range_config={"rolling_range": {"num_spans": 7}}).outputs[
        "span_examples"
    ]
    week_statistics = statistics_gen(examples=week).outputs["statistics"]
    schema = schema_gen(statistics=week_statistics).outputs["schema"]
    last = latest_artifact(producer="trainer", output="model")
    trained = trainer(
        examples=week,
        schema=schema,
        base_model=last.outputs["artifact"],
        module_file="model.py",
        train_steps=train_steps,
    )
    verdict = evaluator(
        examples=today,
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

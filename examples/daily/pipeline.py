"""Trains every day: reads one day from a database, checks it, and trains on the last seven days.

headrace run examples/daily/pipeline.py -p span=15706     # 2013-01-01, in days since 1970
headrace run examples/daily/pipeline.py -p span=15707     # the next day, and so on
"""

from kfp import dsl

from headrace_components.catalog import (
    distribution_validator,
    evaluator,
    filter_examples,
    latest_artifact,
    latest_blessed_model,
    pusher,
    query_example_gen,
    schema_gen,
    span_range,
    statistics_gen,
    trainer,
)

DAY = """
SELECT carrier, origin, dest, distance, hour, arr_delay >= 15 AS late
FROM flights WHERE day = @span_yyyymmdd_utc ORDER BY rowid
"""
DRIFT = {
    "default_slice_config": {
        "feature": [
            {
                "path": {"step": [feature]},
                "distribution_comparator": {"jensen_shannon_divergence": {"threshold": 0.1}},
            }
            for feature in ("carrier", "origin", "distance", "hour")
        ],
        "num_examples_comparator": {"min_fraction_threshold": 0.5},
    }
}
EVAL_CONFIG = {
    "model_specs": [{"label_key": "late"}],
    "slicing_specs": [{}, {"feature_keys": ["origin"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {
                    "class_name": "AUC",
                    "threshold": {"value_threshold": {"lower_bound": 0.5}},
                },
            ]
        }
    ],
}


@dsl.pipeline(name="daily")
def daily(
    span: int,
    url: str = "sqlite:///data/flights.db",
    train_steps: int = 100,
    serving_dir: str = "serving/daily",
):
    """Continues to train the model of the last run, with the flights of seven days.

    Args:
        span: The day to read, in days since 1970-01-01.
        url: URL of the database with the table `flights` that prepare_data.py writes.
        train_steps: Batches of 128 flights to train on.
        serving_dir: Directory or URI that TensorFlow Serving watches.
    """
    scheduled = query_example_gen(url=url, query=DAY, span=span).outputs["examples"]
    flown = filter_examples(examples=scheduled, module_file="filters.py")
    today = flown.outputs["filtered_examples"]
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
        module_file="module.py",
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

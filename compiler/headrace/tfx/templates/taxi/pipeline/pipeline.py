"""The pipeline, from the data to the model that is served."""

import tensorflow_model_analysis as tfma
from tfx import v1 as tfx

from models import features


def create_pipeline(
    pipeline_name,
    pipeline_root,
    data_path,
    preprocessing_fn,
    run_fn,
    train_args,
    eval_args,
    eval_accuracy_threshold,
    serving_model_dir,
    metadata_connection_config=None,
    beam_pipeline_args=None,
):
    """Returns the pipeline.

    Args:
        pipeline_name: Its name. Earlier runs of this name have the model to compare with.
        pipeline_root: The directory of its artifacts.
        data_path: The directory of the CSV files.
        preprocessing_fn: The function for Transform, by its dotted path.
        run_fn: The function for Trainer, likewise.
        train_args: A `tfx.proto.TrainArgs`.
        eval_args: A `tfx.proto.EvalArgs`.
        eval_accuracy_threshold: The least accuracy of a model that is pushed.
        serving_model_dir: The directory of models that are served.
        metadata_connection_config: The database of lineage; None for the runner's own.
        beam_pipeline_args: Options of Apache Beam.
    """
    example_gen = tfx.components.CsvExampleGen(input_base=data_path)
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs["examples"])
    schema_gen = tfx.components.SchemaGen(
        statistics=statistics_gen.outputs["statistics"], infer_feature_shape=True
    )
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    )
    transform = tfx.components.Transform(
        examples=example_gen.outputs["examples"],
        schema=schema_gen.outputs["schema"],
        preprocessing_fn=preprocessing_fn,
    )
    trainer = tfx.components.Trainer(
        run_fn=run_fn,
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema_gen.outputs["schema"],
        train_args=train_args,
        eval_args=eval_args,
    )
    model_resolver = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model_resolver")
    evaluator = tfx.components.Evaluator(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=model_resolver.outputs["model"],
        eval_config=_eval_config(eval_accuracy_threshold),
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=serving_model_dir)
        ),
    )
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            example_validator,
            transform,
            trainer,
            model_resolver,
            evaluator,
            pusher,
        ],
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=beam_pipeline_args,
    )


def _eval_config(least_accuracy):
    """Returns what Evaluator computes, and when it blesses a model."""
    threshold = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": least_accuracy}),
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -0.01}
        ),
    )
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(signature_name="serving_default", label_key=features.LABEL_KEY)
        ],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["payment_type"])],
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=[
                    tfma.MetricConfig(class_name="BinaryAccuracy", threshold=threshold),
                    tfma.MetricConfig(class_name="AUC"),
                    tfma.MetricConfig(class_name="ExampleCount"),
                ]
            )
        ],
    )

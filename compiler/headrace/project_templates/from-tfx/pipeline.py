"""A pipeline as for TFX: trains a model that says whether a passenger tips.

`headrace run pipeline.py` runs it, and so does `python -m headrace.tfx pipeline.py`. TFX itself
need not be installed. `headrace convert pipeline.py -o kfp_pipeline.py` writes the same in kfp.
"""

import os

import tensorflow_model_analysis as tfma
from tfx import v1 as tfx

HERE = os.path.dirname(os.path.abspath(__file__))
# For a cluster, the place of the data, of the results and of the model server are URIs, such as
# gs://my-bucket/my-project.
PLACE = os.environ.get("MY_PROJECT_PLACE", HERE)
TRAIN_STEPS = 300
EVAL_CONFIG = tfma.EvalConfig(
    model_specs=[tfma.ModelSpec(signature_name="serving_default", label_key="tipped")],
    slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["company"])],
    metrics_specs=[
        tfma.MetricsSpec(
            metrics=[
                tfma.MetricConfig(class_name="ExampleCount"),
                tfma.MetricConfig(
                    class_name="AUC",
                    per_slice_thresholds=[
                        tfma.PerSliceMetricThreshold(
                            slicing_specs=[tfma.SlicingSpec()],
                            threshold=tfma.MetricThreshold(
                                value_threshold=tfma.GenericValueThreshold(
                                    lower_bound={"value": 0.6}
                                )
                            ),
                        )
                    ],
                ),
            ]
        )
    ],
)


def create_pipeline(place: str) -> tfx.dsl.Pipeline:
    """Returns the pipeline, with its data, results and pushed models below `place`."""
    example_gen = tfx.components.CsvExampleGen(input_base=os.path.join(place, "data"))
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs["examples"])
    schema_gen = tfx.components.SchemaGen(statistics=statistics_gen.outputs["statistics"])
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    )
    module_file = os.path.join(HERE, "module.py")
    transform = tfx.components.Transform(
        examples=example_gen.outputs["examples"],
        schema=schema_gen.outputs["schema"],
        module_file=module_file,
    )
    trainer = tfx.components.Trainer(
        module_file=module_file,
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=tfx.proto.TrainArgs(num_steps=TRAIN_STEPS),
        eval_args=tfx.proto.EvalArgs(num_steps=10),
    )
    resolver = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model")
    evaluator = tfx.components.Evaluator(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=resolver.outputs["model"],
        eval_config=EVAL_CONFIG,
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(
                base_directory=os.path.join(place, "serving", "my-project")
            )
        ),
    )
    return tfx.dsl.Pipeline(
        pipeline_name="my-project",
        pipeline_root=os.path.join(place, "headrace_root"),
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            example_validator,
            transform,
            trainer,
            resolver,
            evaluator,
            pusher,
        ],
        enable_cache=True,
    )


if __name__ == "__main__":
    tfx.orchestration.LocalDagRunner().run(create_pipeline(PLACE))

"""The examples' pipeline as one writes it for TFX: the same components, module and metrics."""

from pathlib import Path
from typing import Any

from google.protobuf import json_format
from tensorflow_model_analysis.proto import config_pb2
from tfx import v1 as tfx


def make(arguments: dict[str, Any]) -> Any:
    """Returns the pipeline.

    Args:
        arguments: `name`, `csv` (directory of the data), `module_file`, `eval_config`,
            `train_steps`, `has_validator` (whether ExampleValidator is in it) and `output`, the
            directory of all that it writes.
    """
    output = Path(arguments["output"])
    eval_config = json_format.ParseDict(arguments["eval_config"], config_pb2.EvalConfig())
    examples = tfx.components.CsvExampleGen(input_base=arguments["csv"])
    statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
    schema = tfx.components.SchemaGen(
        statistics=statistics.outputs["statistics"], infer_feature_shape=False
    )
    transform = tfx.components.Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        module_file=arguments["module_file"],
    )
    trainer = tfx.components.Trainer(
        module_file=arguments["module_file"],
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=tfx.proto.TrainArgs(num_steps=arguments["train_steps"]),
        eval_args=tfx.proto.EvalArgs(),
    )
    baseline = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model")
    evaluator = tfx.components.Evaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        eval_config=eval_config,
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(output / "serving"))
        ),
    )
    nodes = [examples, statistics, schema, transform, trainer, baseline, evaluator, pusher]
    if arguments["has_validator"]:
        validator = tfx.components.ExampleValidator(
            statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
        )
        nodes.insert(3, validator)
    return tfx.dsl.Pipeline(
        pipeline_name=arguments["name"],
        pipeline_root=str(output / "root"),
        components=nodes,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(output / "metadata.db")
        ),
    )

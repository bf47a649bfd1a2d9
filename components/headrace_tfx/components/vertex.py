"""TFX's extension for Vertex AI, and the keys of its `custom_config`.

The classes have TFX's names, from which the ids of nodes come.
"""

from collections.abc import Mapping
from typing import Any

from headrace_tfx.authoring.channels import BaseChannel
from headrace_tfx.authoring.executor_specs import ExecutorClassSpec
from headrace_tfx.authoring.nodes import BaseComponent
from headrace_tfx.components import executors, models, specs, training

ENABLE_VERTEX_KEY = "ai_platform_enable_vertex"
VERTEX_REGION_KEY = "ai_platform_vertex_region"
VERTEX_CONTAINER_IMAGE_URI_KEY = "ai_platform_vertex_container_image_uri"
SERVING_ARGS_KEY = "ai_platform_serving_args"
TRAINING_ARGS_KEY = "ai_platform_training_args"
JOB_ID_KEY = "ai_platform_training_job_id"
LABELS_KEY = "ai_platform_training_labels"
ENABLE_UCAIP_KEY = "ai_platform_training_enable_ucaip"
UCAIP_REGION_KEY = "ai_platform_training_ucaip_region"
TUNING_ARGS_KEY = "ai_platform_tuning_args"
REMOTE_TRIALS_WORKING_DIR_KEY = "remote_trials_working_dir"
ENDPOINT_ARGS_KEY = "endpoint"
BULK_INFERRER_SERVING_ARGS_KEY = "ai_platform_serving_args"
PUSHER_SERVING_ARGS_KEY = "ai_platform_serving_args"


class Trainer(training.Trainer):
    """Trains on Vertex AI: `extensions.google_cloud_ai_platform.Trainer`."""

    EXECUTOR_SPEC = ExecutorClassSpec(executors.VertexTrainerExecutor)

    def __init__(
        self,
        examples: BaseChannel | None = None,
        transformed_examples: BaseChannel | None = None,
        transform_graph: BaseChannel | None = None,
        schema: BaseChannel | None = None,
        base_model: BaseChannel | None = None,
        hyperparameters: BaseChannel | None = None,
        module_file: Any = None,
        run_fn: Any = None,
        train_args: Any = None,
        eval_args: Any = None,
        custom_config: Any = None,
    ) -> None:
        super().__init__(
            examples=examples,
            transformed_examples=transformed_examples,
            transform_graph=transform_graph,
            schema=schema,
            base_model=base_model,
            hyperparameters=hyperparameters,
            module_file=module_file,
            run_fn=run_fn,
            train_args=train_args,
            eval_args=eval_args,
            custom_config=custom_config,
        )


class Tuner(training.Tuner):
    """Tunes on Vertex AI: `extensions.google_cloud_ai_platform.Tuner`."""

    EXECUTOR_SPEC = ExecutorClassSpec(executors.VertexTunerExecutor)


class Pusher(models.Pusher):
    """Deploys to an endpoint of Vertex AI: `extensions.google_cloud_ai_platform.Pusher`."""

    EXECUTOR_SPEC = ExecutorClassSpec(executors.VertexPusherExecutor)

    def __init__(
        self,
        model: BaseChannel | None = None,
        model_blessing: BaseChannel | None = None,
        infra_blessing: BaseChannel | None = None,
        custom_config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            model=model,
            model_blessing=model_blessing,
            infra_blessing=infra_blessing,
            custom_config=custom_config,
        )


class CloudAIBulkInferrerComponent(BaseComponent):
    """Predicts on Google's retired AI Platform. Headrace refuses it when the pipeline is read."""

    SPEC_CLASS = specs.BulkInferrerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.CloudAIBulkInferrerExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel | None = None,
        model_blessing: BaseChannel | None = None,
        data_spec: Any = None,
        output_example_spec: Any = None,
        custom_config: Mapping[str, Any] | None = None,
    ) -> None:
        spec = specs.BulkInferrerSpec(
            examples=examples,
            model=model,
            model_blessing=model_blessing,
            data_spec=data_spec,
            output_example_spec=output_example_spec,
            custom_config=custom_config,
            **models.inference_output(output_example_spec),
        )
        super().__init__(spec=spec)

"""Components that check, use and push models."""

from collections.abc import Mapping, Sequence
from typing import Any

from headrace_tfx.artifacts import standard
from headrace_tfx.authoring.channels import BaseChannel, Channel
from headrace_tfx.authoring.executor_specs import BeamExecutorSpec, ExecutorClassSpec
from headrace_tfx.authoring.nodes import BaseBeamComponent, BaseComponent
from headrace_tfx.components import executors, specs


class Evaluator(BaseBeamComponent):
    """Computes metrics of a model, and decides whether it is good enough.

    Outputs: `evaluation`, `blessing`.

    Raises:
        ValueError: Two arguments exclude each other.
    """

    SPEC_CLASS = specs.EvaluatorSpec
    EXECUTOR_SPEC = BeamExecutorSpec(executors.EvaluatorExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel | None = None,
        baseline_model: BaseChannel | None = None,
        feature_slicing_spec: Any = None,
        fairness_indicator_thresholds: Any = None,
        example_splits: Sequence[str] | None = None,
        eval_config: Any = None,
        schema: BaseChannel | None = None,
        module_file: Any = None,
        module_path: Any = None,
    ) -> None:
        if module_file and module_path:
            raise ValueError(
                f"{type(self).__name__}: got `module_file` and `module_path`, expected one of them."
            )
        if eval_config is not None and feature_slicing_spec is not None:
            raise ValueError(
                f"{type(self).__name__}: got `eval_config` and `feature_slicing_spec`, expected "
                "`eval_config` alone. Put the slices into its slicing_specs."
            )
        spec = specs.EvaluatorSpec(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            feature_slicing_spec=feature_slicing_spec,
            fairness_indicator_thresholds=fairness_indicator_thresholds,
            example_splits=example_splits,
            eval_config=eval_config,
            schema=schema,
            module_file=module_file,
            module_path=module_path,
            evaluation=Channel(type=standard.ModelEvaluation),
            blessing=Channel(type=standard.ModelBlessing),
        )
        super().__init__(spec=spec)


class InfraValidator(BaseComponent):
    """Loads a model in the server that will serve it.

    Outputs: `blessing`.
    """

    SPEC_CLASS = specs.InfraValidatorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.InfraValidatorExecutor)

    def __init__(
        self,
        model: BaseChannel,
        serving_spec: Any,
        examples: BaseChannel | None = None,
        request_spec: Any = None,
        validation_spec: Any = None,
    ) -> None:
        spec = specs.InfraValidatorSpec(
            model=model,
            serving_spec=serving_spec,
            examples=examples,
            request_spec=request_spec,
            validation_spec=validation_spec,
            blessing=Channel(type=standard.InfraBlessing),
        )
        super().__init__(spec=spec)


class ModelValidator(BaseComponent):
    """Compares two models. Headrace refuses it when the pipeline is read: Evaluator does its work.

    Outputs: `blessing`.
    """

    SPEC_CLASS = specs.ModelValidatorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.ModelValidatorExecutor)

    def __init__(self, examples: BaseChannel, model: BaseChannel, blessing: Any = None) -> None:
        spec = specs.ModelValidatorSpec(
            examples=examples,
            model=model,
            blessing=blessing or Channel(type=standard.ModelBlessing),
        )
        super().__init__(spec=spec)


class Pusher(BaseComponent):
    """Copies a model that was found good to where it is served.

    Outputs: `pushed_model`.

    Raises:
        ValueError: There is no destination, or neither `model` nor `infra_blessing`.
    """

    SPEC_CLASS = specs.PusherSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.PusherExecutor)

    def __init__(
        self,
        model: BaseChannel | None = None,
        model_blessing: BaseChannel | None = None,
        infra_blessing: BaseChannel | None = None,
        push_destination: Any = None,
        custom_config: Mapping[str, Any] | None = None,
        custom_executor_spec: Any = None,
    ) -> None:
        name = type(self).__name__
        own = getattr(self.EXECUTOR_SPEC, "executor_class", None) is executors.PusherExecutor
        if push_destination is None and not custom_executor_spec and own:
            raise ValueError(
                f"{name}: the argument `push_destination` is missing, expected one, such as "
                "PushDestination(filesystem=PushDestination.Filesystem(base_directory=...))."
            )
        if model is None and infra_blessing is None:
            raise ValueError(
                f"{name}: of `model` and `infra_blessing` neither came, expected one of them. An "
                "`infra_blessing` has the model if InfraValidator was asked to make a warmup."
            )
        spec = specs.PusherSpec(
            model=model,
            model_blessing=model_blessing,
            infra_blessing=infra_blessing,
            push_destination=push_destination,
            custom_config=custom_config,
            pushed_model=Channel(type=standard.PushedModel),
        )
        super().__init__(spec=spec, custom_executor_spec=custom_executor_spec)


class BulkInferrer(BaseBeamComponent):
    """Predicts for many examples.

    Outputs: `output_examples` if there is an `output_example_spec`, else `inference_result`.
    """

    SPEC_CLASS = specs.BulkInferrerSpec
    EXECUTOR_SPEC = BeamExecutorSpec(executors.BulkInferrerExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel | None = None,
        model_blessing: BaseChannel | None = None,
        data_spec: Any = None,
        model_spec: Any = None,
        output_example_spec: Any = None,
    ) -> None:
        spec = specs.BulkInferrerSpec(
            examples=examples,
            model=model,
            model_blessing=model_blessing,
            data_spec=data_spec,
            model_spec=model_spec,
            output_example_spec=output_example_spec,
            **inference_output(output_example_spec),
        )
        super().__init__(spec=spec)


def inference_output(output_example_spec: Any) -> dict[str, Channel]:
    """Returns the one output that a BulkInferrer has."""
    if output_example_spec:
        return {"output_examples": Channel(type=standard.Examples)}
    return {"inference_result": Channel(type=standard.InferenceResult)}

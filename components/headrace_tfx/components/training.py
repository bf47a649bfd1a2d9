"""Components that prepare examples and make models of them."""

from collections.abc import Mapping
from typing import Any

from headrace_tfx.artifacts import standard
from headrace_tfx.authoring.channels import BaseChannel, Channel
from headrace_tfx.authoring.executor_specs import BeamExecutorSpec, ExecutorClassSpec
from headrace_tfx.authoring.nodes import BaseBeamComponent, BaseComponent
from headrace_tfx.components import executors, specs


class Transform(BaseBeamComponent):
    """Prepares examples by a `preprocessing_fn`.

    Outputs: `transform_graph`; unless they are switched off, `transformed_examples`,
    `updated_analyzer_cache`, and schemas, statistics and anomalies from before and after.

    Raises:
        ValueError: There is neither `module_file` nor `preprocessing_fn`, or there are both; or two
            other arguments exclude each other.
    """

    SPEC_CLASS = specs.TransformSpec
    EXECUTOR_SPEC = BeamExecutorSpec(executors.TransformExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        schema: BaseChannel,
        module_file: Any = None,
        preprocessing_fn: Any = None,
        splits_config: Any = None,
        analyzer_cache: BaseChannel | None = None,
        materialize: bool = True,
        disable_analyzer_cache: bool = False,
        force_tf_compat_v1: bool = False,
        custom_config: Mapping[str, Any] | None = None,
        disable_statistics: bool = False,
        stats_options_updater_fn: Any = None,
    ) -> None:
        check_one_of(self, module_file=module_file, preprocessing_fn=preprocessing_fn)
        if module_file and stats_options_updater_fn:
            raise ValueError(
                f"{type(self).__name__}: got `stats_options_updater_fn` and `module_file`, "
                "expected one of them. Put a function of that name into the module file."
            )
        if disable_analyzer_cache and analyzer_cache is not None:
            raise ValueError(
                f"{type(self).__name__}: got `analyzer_cache` and disable_analyzer_cache=True, "
                "expected one of them."
            )
        outputs: dict[str, Channel] = {"transform_graph": Channel(type=standard.TransformGraph)}
        if materialize:
            outputs["transformed_examples"] = Channel(type=standard.Examples)
        if not disable_analyzer_cache:
            outputs["updated_analyzer_cache"] = Channel(type=standard.TransformCache)
        if not disable_statistics:
            outputs.update(_transform_reports())
        spec = specs.TransformSpec(
            examples=examples,
            schema=schema,
            module_file=module_file,
            preprocessing_fn=preprocessing_fn,
            splits_config=splits_config,
            analyzer_cache=analyzer_cache,
            materialize=materialize,
            disable_analyzer_cache=disable_analyzer_cache,
            force_tf_compat_v1=force_tf_compat_v1,
            custom_config=custom_config,
            disable_statistics=disable_statistics,
            stats_options_updater_fn=stats_options_updater_fn,
            **outputs,
        )
        super().__init__(spec=spec)


def _transform_reports() -> dict[str, Channel]:
    return {
        "pre_transform_schema": Channel(type=standard.Schema),
        "pre_transform_stats": Channel(type=standard.ExampleStatistics),
        "post_transform_schema": Channel(type=standard.Schema),
        "post_transform_stats": Channel(type=standard.ExampleStatistics),
        "post_transform_anomalies": Channel(type=standard.ExampleAnomalies),
    }


class Trainer(BaseComponent):
    """Makes a model by a `run_fn`.

    Outputs: `model`, `model_run`.

    Raises:
        ValueError: There is neither `module_file` nor `run_fn`, or there are both; the same for
            `examples` and `transformed_examples`, the latter of which needs `transform_graph`.
    """

    SPEC_CLASS = specs.TrainerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.GenericExecutor)

    def __init__(
        self,
        statistics: BaseChannel | None = None,
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
        custom_executor_spec: Any = None,
    ) -> None:
        check_one_of(self, module_file=module_file, run_fn=run_fn)
        check_one_of(self, examples=examples, transformed_examples=transformed_examples)
        if transformed_examples is not None and transform_graph is None:
            raise ValueError(
                f"{type(self).__name__}: got `transformed_examples` without `transform_graph`, "
                "expected both. Give the output of Transform."
            )
        spec = specs.TrainerSpec(
            statistics=statistics,
            examples=transformed_examples if examples is None else examples,
            transform_graph=transform_graph,
            schema=schema,
            base_model=base_model,
            hyperparameters=hyperparameters,
            module_file=module_file,
            run_fn=run_fn,
            train_args=train_args,
            eval_args=eval_args,
            custom_config=custom_config,
            model=Channel(type=standard.Model),
            model_run=Channel(type=standard.ModelRun),
        )
        super().__init__(spec=spec, custom_executor_spec=custom_executor_spec)


class Tuner(BaseComponent):
    """Looks for the best hyperparameters by a `tuner_fn`.

    Outputs: `best_hyperparameters`, `tuner_results`.

    Raises:
        ValueError: There is neither `module_file` nor `tuner_fn`, or there are both.
    """

    SPEC_CLASS = specs.TunerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executors.TunerExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        schema: BaseChannel | None = None,
        transform_graph: BaseChannel | None = None,
        base_model: BaseChannel | None = None,
        module_file: Any = None,
        tuner_fn: Any = None,
        train_args: Any = None,
        eval_args: Any = None,
        tune_args: Any = None,
        custom_config: Mapping[str, Any] | None = None,
    ) -> None:
        check_one_of(self, module_file=module_file, tuner_fn=tuner_fn)
        spec = specs.TunerSpec(
            examples=examples,
            schema=schema,
            transform_graph=transform_graph,
            base_model=base_model,
            module_file=module_file,
            tuner_fn=tuner_fn,
            train_args=train_args,
            eval_args=eval_args,
            tune_args=tune_args,
            custom_config=custom_config,
            best_hyperparameters=Channel(type=standard.HyperParameters),
            tuner_results=Channel(type=standard.TunerResults),
        )
        super().__init__(spec=spec)


def check_one_of(node: object, **arguments: Any) -> None:
    """Refuses a node that has none of two arguments, or both.

    Raises:
        ValueError: It does.
    """
    given = [name for name, value in arguments.items() if value is not None and value != ""]
    if len(given) != 1:
        names = " and ".join(f"`{name}`" for name in arguments)
        found = "both" if given else "neither"
        raise ValueError(
            f"{type(node).__name__}: of {names} {found} came, expected exactly one of them."
        )

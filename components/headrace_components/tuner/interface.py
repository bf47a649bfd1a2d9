"""What Tuner looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import (
    Examples,
    HyperParameters,
    Model,
    Schema,
    TransformGraph,
    TunerResults,
)
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def tuner(
    examples: dsl.Input[Examples],
    best_hyperparameters: dsl.Output[HyperParameters],
    tuner_results: dsl.Output[TunerResults],
    schema: dsl.Input[Schema] = None,
    transform_graph: dsl.Input[TransformGraph] = None,
    base_model: dsl.Input[Model] = None,
    module_file: str = "",
    tuner_fn: str = "",
    train_args: dict = {},
    eval_args: dict = {},
    tune_args: dict = {},
    train_steps: int = 0,
    eval_steps: int = 0,
    num_parallel_trials: int = 0,
    custom_config: dict = {},
    mixed_precision: str = "",
    xla: bool = False,
) -> dsl.ContainerSpec:
    """Searches for the best hyperparameters with the tuner that `tuner_fn(fn_args)` returns.

    Args:
        examples: Rows to train and evaluate trials on, raw or transformed.
        best_hyperparameters: Those of the best trial; a trainer reads them as `hyperparameters`.
        tuner_results: Every completed trial with its score and its hyperparameters.
        schema: Types of the examples.
        transform_graph: Transform's graph.
        base_model: A model to start from.
        module_file: Python file with `tuner_fn(fn_args)`, which returns a TunerFnResult: a
            `tuner`, as keras_tuner.RandomSearch, and the `fit_kwargs` of its `search`.
        tuner_fn: The same function as a dotted path; excludes `module_file`.
        train_args: `{"splits": [...], "num_steps": ...}`, as tfx.proto.TrainArgs.
        eval_args: `{"splits": [...], "num_steps": ...}`, as tfx.proto.EvalArgs.
        tune_args: `{"num_parallel_trials": ...}`, as tfx.proto.TuneArgs.
        train_steps: Training steps of a trial; 0 leaves them to `train_args`, or to `tuner_fn`.
        eval_steps: Evaluation steps of a trial; 0 leaves them to `eval_args`, or to `tuner_fn`.
        num_parallel_trials: Trials that run at once, each in a process of its own on the task's
            machine; 0 leaves the number to `tune_args`, or is one after the other.
        custom_config: Passed to `tuner_fn` as `fn_args.custom_config`.
        mixed_precision: `mixed_bfloat16` or `mixed_float16`: Keras' global policy for all trials.
        xla: Let XLA compile what TensorFlow can group, as `tf.config.optimizer.set_jit`.
    """
    return dsl.ContainerSpec(
        image=image("tuner"),
        command=["python", "-m", "headrace_components.tuner"],
        args=["--executor_input", "{{$}}"],
    )

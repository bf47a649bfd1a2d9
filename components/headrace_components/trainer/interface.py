"""What Trainer looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import (
    Examples,
    ExampleStatistics,
    HyperParameters,
    Model,
    ModelRun,
    Schema,
    TransformGraph,
)
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def trainer(
    examples: dsl.Input[Examples],
    model: dsl.Output[Model],
    model_run: dsl.Output[ModelRun],
    transform_graph: dsl.Input[TransformGraph] = None,
    schema: dsl.Input[Schema] = None,
    statistics: dsl.Input[ExampleStatistics] = None,
    base_model: dsl.Input[Model] = None,
    hyperparameters: dsl.Input[HyperParameters] = None,
    module_file: str = "",
    run_fn: str = "",
    train_args: dict = {},
    eval_args: dict = {},
    train_steps: int = 0,
    eval_steps: int = 0,
    custom_config: dict = {},
    distribution: str = "auto",
    mixed_precision: str = "",
    xla: bool = False,
) -> dsl.ContainerSpec:
    """Trains a model by calling `run_fn(fn_args)`.

    Args:
        examples: Rows to train on, raw or transformed.
        model: What `run_fn` saved to `fn_args.serving_model_dir`.
        model_run: What `run_fn` saved to `fn_args.model_run_dir`, as TensorBoard logs.
        transform_graph: Transform's graph, for training and serving.
        schema: Types of the examples.
        statistics: Statistics of the examples; gives `run_fn` the number of rows per split.
        base_model: A model to start from.
        hyperparameters: The best hyperparameters of a tuning.
        module_file: Python file with `run_fn(fn_args)`.
        run_fn: The same function as a dotted path; excludes `module_file`.
        train_args: `{"splits": [...], "num_steps": ...}`, as tfx.proto.TrainArgs.
        eval_args: `{"splits": [...], "num_steps": ...}`, as tfx.proto.EvalArgs.
        train_steps: Training steps; 0 leaves the number to `train_args`, or to `run_fn`.
        eval_steps: Evaluation steps; 0 leaves the number to `eval_args`, or to `run_fn`.
        custom_config: Passed to `run_fn` as `fn_args.custom_config`.
        distribution: `auto`: `run_fn` makes its own strategy for several GPUs or machines, or uses
            `fn_args.strategy`. `mirrored` (the GPUs of one machine), `multi_worker` (several
            machines): it is called in the scope of one. `none`: it needs none.
        mixed_precision: `mixed_bfloat16` or `mixed_float16`: Keras' global policy for `run_fn`.
        xla: Let XLA compile what TensorFlow can group, as `tf.config.optimizer.set_jit`.
    """
    return dsl.ContainerSpec(
        image=image("trainer"),
        command=["python", "-m", "headrace_components.trainer"],
        args=["--executor_input", "{{$}}"],
    )

"""Trains a model by calling `run_fn(fn_args)`."""

from headrace_components.contract.artifact_types import (
    EXAMPLE_STATISTICS,
    EXAMPLES,
    HTML,
    HYPER_PARAMETERS,
    METRICS,
    MODEL,
    MODEL_RUN,
    SCHEMA,
    TRANSFORM_GRAPH,
)
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import CacheHooks
from headrace_components.library.user_code.code_state import state_of_code
from headrace_components.library.user_code.training_checks import training_checks
from headrace_components.trainer.params import TrainerParams

COMPONENT = Component(
    name="trainer",
    doc=__doc__,
    inputs={
        "examples": Input(EXAMPLES, "Rows to train on, raw or transformed."),
        "transform_graph": Input(
            TRANSFORM_GRAPH, "Transform's graph, for training and serving.", optional=True
        ),
        "schema": Input(SCHEMA, "Types of the examples.", optional=True),
        "statistics": Input(
            EXAMPLE_STATISTICS,
            """Statistics of the examples, from which `run_fn` gets the number of rows per
            split.""",
            optional=True,
        ),
        "base_model": Input(MODEL, "A model to start from.", optional=True),
        "hyperparameters": Input(
            HYPER_PARAMETERS, "The best hyperparameters that a tuner found.", optional=True
        ),
    },
    outputs={
        "model": Output(MODEL, "The model that `run_fn` saved to `fn_args.serving_model_dir`."),
        "model_run": Output(
            MODEL_RUN,
            """The files that `run_fn` saved to `fn_args.model_run_dir`, such as TensorBoard
            logs. The metadata `has_finite_loss` is 0 if the loss became NaN or infinite.""",
        ),
        "report": Output(HTML, "A page with the losses and metrics by epoch or step."),
        "metrics": Output(
            METRICS,
            """The last and the best value of each loss and metric, and the number of steps and of
            examples per second, for comparing runs in the UI.""",
        ),
    },
    parameters=TrainerParams,
    execution_type="tfx.components.trainer.component.Trainer",
    execution_base="TRAIN",
    variants=("cuda",),
    cache=CacheHooks(environment_state=state_of_code("run_fn"), module_names=lambda _: ("run_fn",)),
    checks=training_checks("run_fn"),
    footprint="training",
    logs_notices=True,
    several_machines=True,
)

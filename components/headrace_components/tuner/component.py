"""Searches for the best hyperparameters with the tuner that `tuner_fn(fn_args)` returns."""

from headrace_components.contract.artifact_types import (
    EXAMPLES,
    HTML,
    HYPER_PARAMETERS,
    METRICS,
    MODEL,
    SCHEMA,
    TRANSFORM_GRAPH,
    TUNER_RESULTS,
)
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import CacheHooks
from headrace_components.library.user_code.code_state import state_of_code
from headrace_components.library.user_code.training_checks import training_checks
from headrace_components.tuner.keras_choice import versions_in_texts
from headrace_components.tuner.params import TunerParams

COMPONENT = Component(
    name="tuner",
    doc=__doc__,
    inputs={
        "examples": Input(EXAMPLES, "Rows to train and evaluate trials on, raw or transformed."),
        "schema": Input(SCHEMA, "Types of the examples.", optional=True),
        "transform_graph": Input(TRANSFORM_GRAPH, "Transform's graph.", optional=True),
        "base_model": Input(MODEL, "A model to start from.", optional=True),
    },
    outputs={
        "best_hyperparameters": Output(
            HYPER_PARAMETERS,
            """The hyperparameters of the best trial, for the input
            `hyperparameters` of a trainer.""",
        ),
        "tuner_results": Output(
            TUNER_RESULTS, "Every completed trial with its score and its hyperparameters."
        ),
        "report": Output(HTML, "A page with the scores and hyperparameters of the trials."),
        "metrics": Output(
            METRICS,
            """The best score, and the numbers of trials and of failed trials, for comparing
            runs in the UI.""",
        ),
    },
    parameters=TunerParams,
    execution_type="tfx.components.tuner.component.Tuner",
    variants=("cuda",),
    cache=CacheHooks(
        environment_state=state_of_code("tuner_fn"),
        module_names=lambda _: ("tuner_fn",),
        module_text=versions_in_texts,
    ),
    checks=training_checks("tuner_fn"),
    footprint="training",
)

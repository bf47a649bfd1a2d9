"""Computes metrics per slice, compares them with a baseline, and blesses a model that passes.

A model is blessed if it meets every threshold of `eval_config` on every slice of that
threshold. Without a baseline, change thresholds are ignored, so that a first model can pass.
Without any threshold, no model is blessed. To push all models, leave the blessing input of
`pusher` unconnected.
"""

from headrace_components.contract.artifact_types import (
    CLASSIFICATION_METRICS,
    EXAMPLES,
    HTML,
    METRICS,
    MODEL,
    MODEL_BLESSING,
    MODEL_EVALUATION,
    SCHEMA,
)
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import CacheHooks, EarlyChecks, SplitNeed
from headrace_components.evaluator.baselines import relevant_inputs
from headrace_components.evaluator.config_checks import check, modules
from headrace_components.evaluator.params import EvaluatorParams
from headrace_components.library.user_code.code_state import code_state


def splits_read(params: EvaluatorParams) -> list[SplitNeed]:
    """Returns the splits that are evaluated."""
    names = params.example_splits or ("eval",)
    return [SplitNeed(port="examples", parameter="example_splits", names=names)]


COMPONENT = Component(
    name="evaluator",
    doc=__doc__,
    inputs={
        "examples": Input(EXAMPLES, "Rows to evaluate on."),
        "model": Input(
            MODEL,
            "The candidate. It can be unconnected only if `eval_config` names a prediction key.",
            optional=True,
        ),
        "baseline_model": Input(
            MODEL,
            """A model to compare the candidate with. An empty one, or the candidate
            itself, does not count as a baseline.""",
            optional=True,
        ),
        "schema": Input(SCHEMA, "Types of the examples.", optional=True),
    },
    outputs={
        "evaluation": Output(MODEL_EVALUATION, "Metrics per slice, in TFMA's format."),
        "blessing": Output(MODEL_BLESSING, "`BLESSED` or `NOT_BLESSED`."),
        "report": Output(
            HTML, "A page with the verdict and the metrics per slice, the worst slice first."
        ),
        "metrics": Output(METRICS, "The metrics over all rows, for comparing runs in the UI."),
        "classification_metrics": Output(
            CLASSIFICATION_METRICS,
            """ROC curve and confusion matrix of the candidate, which the UI
            draws. They are empty unless `eval_config` has `ConfusionMatrixPlot` or another
            metric that makes one.""",
        ),
    },
    parameters=EvaluatorParams,
    execution_type="tfx.components.evaluator.component.Evaluator",
    execution_base="EVALUATE",
    cache=CacheHooks(environment_state=code_state, relevant_inputs=relevant_inputs),
    checks=EarlyChecks(check=check, modules=modules, splits_read=splits_read),
    footprint="training",
    logs_notices=True,
)

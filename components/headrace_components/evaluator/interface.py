"""What Evaluator looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import Examples, Model, ModelBlessing, ModelEvaluation, Schema
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def evaluator(
    examples: dsl.Input[Examples],
    evaluation: dsl.Output[ModelEvaluation],
    blessing: dsl.Output[ModelBlessing],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    classification_metrics: dsl.Output[dsl.ClassificationMetrics],
    model: dsl.Input[Model] = None,
    baseline_model: dsl.Input[Model] = None,
    schema: dsl.Input[Schema] = None,
    eval_config: dict = {},
    example_splits: list = [],
    fairness_indicator_thresholds: list = [],
    module_file: str = "",
    beam_pipeline_args: list = [],
) -> dsl.ContainerSpec:
    """Computes metrics per slice, compares with a baseline and blesses a model that passes.

    A model is blessed when every threshold of `eval_config` holds on every slice that it is for.
    Without a baseline, change thresholds are ignored, so that a first model can pass. An
    `eval_config` without any threshold blesses nothing: leave the blessing input of `pusher`
    unconnected to push all models.

    Args:
        examples: Rows to evaluate on.
        evaluation: Metrics per slice, as TFMA writes them.
        blessing: `BLESSED` or `NOT_BLESSED`.
        report: A page with the verdict and the metrics per slice, the worst slice first.
        metrics: The metrics over all rows, for the UI to compare runs by.
        classification_metrics: ROC curve and confusion matrix of the candidate, for the UI to draw;
            empty unless `eval_config` has `ConfusionMatrixPlot` or another metric that makes one.
        model: The candidate. Unconnected only where `eval_config` names a prediction key.
        baseline_model: A model that the candidate is compared with. One that is empty, or is the
            candidate itself, counts as none.
        schema: Types of the examples.
        eval_config: A `tfma.EvalConfig` in JSON form: model specs, slices, metrics, thresholds.
        example_splits: Names of the splits to evaluate; empty takes `eval`.
        fairness_indicator_thresholds: Adds fairness indicators at these thresholds, each in (0, 1).
        module_file: Python file with `custom_eval_shared_model` or `custom_extractors`, and metrics
            that `eval_config` names by `module`.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            evaluates in this process; Beam then takes what only it can compute, in memory.
    """
    return dsl.ContainerSpec(
        image=image("evaluator"),
        command=["python", "-m", "headrace_components.evaluator"],
        args=["--executor_input", "{{$}}"],
    )

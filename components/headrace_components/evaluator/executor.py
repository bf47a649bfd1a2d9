"""Computes metrics per slice, compares with a baseline and blesses a model that passes."""

import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from headrace_components.contract.parameters import read
from headrace_components.contract.task import Artifact, Task
from headrace_components.evaluator import beam_engine, embedded_engine, presentation, results
from headrace_components.evaluator.class_names import class_names
from headrace_components.evaluator.eval_config import CheckedConfig, checked_config
from headrace_components.evaluator.extraction import NotEmbeddableError
from headrace_components.evaluator.models import baseline_of, candidate_of, shared_models
from headrace_components.evaluator.params import EvaluatorParams
from headrace_components.evaluator.rows import EvaluationRows
from headrace_components.evaluator.survey import Survey
from headrace_components.evaluator.unmeasured import prediction_counts
from headrace_components.evaluator.verdict import log_summary, verdict_of, write_blessing
from headrace_components.library.beam import tensorflow_files, user_packages
from headrace_components.library.beam.locations import location_of
from headrace_components.library.beam.options import BeamOptions
from headrace_components.library.data import schemas
from headrace_components.library.user_code.user_module import call_user_function, load_module

Functions = Mapping[str, Callable[..., Any]]
"""The functions of the user's module that Evaluator calls, by name."""


def execute(task: Task) -> None:
    """Writes TFMA's files under `evaluation`, the blessing, the report and the metrics for UIs."""
    params = read(EvaluatorParams, task.params, task.component)
    # Before the check of the config, which may use a metric of the module.
    module = load_module(task.component, params.module_file) if params.module_file else None
    candidate = candidate_of(task)
    baseline = baseline_of(task) if candidate else None
    checked = checked_config(
        params.eval_config,
        has_model=candidate is not None,
        has_baseline=baseline is not None,
        fairness_thresholds=params.fairness_indicator_thresholds,
    )
    examples, schema = task.input("examples"), task.optional_input("schema")
    features = schemas.read(schema.path) if schema else None
    if schema and features:
        schemas.check_features(features, str(schema.path))
    rows = EvaluationRows(examples.path, params.example_splits or ("eval",), features)
    output = task.output("evaluation")
    results.write_config(
        checked.proto,
        output.path,
        data_location=examples.uri,
        model_locations=_model_locations(checked, candidate, baseline),
    )
    functions = _user_functions(task.component, module)
    beam_args = params.beam_pipeline_args
    with user_packages.shipped(beam_args, module, _metric_modules(checked.proto)) as shipping_args:
        models = _models(checked, candidate, baseline, functions, beam_args)
        surveys = _evaluate(rows, checked, models, examples, output, functions, shipping_args)
    output.metadata.update(prediction_counts(checked.proto, surveys))
    log_summary(checked.proto, output.path)
    verdict = verdict_of(checked, output.path, surveys)
    write_blessing(task.output("blessing"), verdict, candidate, baseline)
    names_of_classes = class_names(candidate, features, checked.proto.model_specs[0].label_key)
    presentation.write(task, checked.proto, output.path, verdict, surveys, names_of_classes)


def _models(
    checked: CheckedConfig,
    candidate: Artifact | None,
    baseline: Artifact | None,
    functions: Functions,
    beam_args: Sequence[str],
) -> list[Any]:
    if candidate is None:
        return []
    options = BeamOptions(beam_args)
    return shared_models(
        checked.proto,
        candidate,
        baseline,
        load=functions.get("custom_eval_shared_model"),
        is_rubber_stamp=checked.is_rubber_stamp,
        locate=lambda artifact: tensorflow_files.checked(location_of(artifact, options)),
    )


def _evaluate(
    rows: EvaluationRows,
    checked: CheckedConfig,
    models: list[Any],
    examples: Artifact,
    output: Artifact,
    functions: Functions,
    beam_args: Sequence[str],
) -> list[Survey]:
    start = time.monotonic()
    custom_extractors = functions.get("custom_extractors")
    evaluated = None
    if not custom_extractors and not beam_args:
        evaluated = _embedded(rows, checked, models)
    if evaluated is not None:
        surveys, stamp = evaluated.surveys, checked.is_rubber_stamp
        results.write_results(evaluated.sliced, checked.proto, output.path, is_rubber_stamp=stamp)
    else:
        surveys = beam_engine.evaluate(
            rows,
            checked.proto,
            models,
            examples=examples,
            output=output,
            extractors=_extractors(rows, checked, models, custom_extractors),
            is_rubber_stamp=checked.is_rubber_stamp,
            args=beam_args,
        )
    logging.info("evaluator: metrics took %.1f s.", time.monotonic() - start)
    return surveys


def _embedded(
    rows: EvaluationRows, checked: CheckedConfig, models: list[Any]
) -> embedded_engine.Evaluated | None:
    try:
        return embedded_engine.evaluate(rows, checked.proto, models)
    except NotEmbeddableError as reason:
        logging.info("evaluator: evaluating with TFMA on Beam: %s.", reason)
    return None


def _extractors(
    rows: EvaluationRows,
    checked: CheckedConfig,
    models: list[Any],
    custom_extractors: Callable[..., Any] | None,
) -> list[Any] | None:
    if custom_extractors is None:
        return None
    logging.info("evaluator: evaluating with TFMA on Beam: it has custom extractors.")
    extractors: list[Any] = custom_extractors(
        eval_shared_model=beam_engine.one_or_all(models),
        eval_config=checked.proto,
        tensor_adapter_config=beam_engine.adapter_config(rows),
    )
    return extractors


def _user_functions(component: str, module: ModuleType | None) -> Functions:
    """Returns the functions of the user's module that Evaluator calls."""
    return {
        name: functools.partial(call_user_function, component, getattr(module, name))
        for name in ("custom_eval_shared_model", "custom_extractors")
        if hasattr(module, name)
    }


def _metric_modules(config: Any) -> set[str]:
    metrics = [metric for spec in config.metrics_specs for metric in spec.metrics]
    return {metric.module for metric in metrics if metric.module}


def _model_locations(
    checked: CheckedConfig, candidate: Artifact | None, baseline: Artifact | None
) -> dict[str, str]:
    locations = {}
    for spec in checked.proto.model_specs:
        artifact = baseline if spec.is_baseline else candidate
        locations[spec.name] = f"{artifact.uri}/Format-Serving" if artifact else "<unknown>"
    return locations

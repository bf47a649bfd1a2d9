"""Computes metrics per slice, compares with a baseline and blesses a model that passes."""

import functools
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headrace_components.data import schemas
from headrace_components.evaluator import beam_engine, embedded_engine, presentation, results
from headrace_components.evaluator.eval_config import CheckedConfig, checked_config
from headrace_components.evaluator.extraction import NotEmbeddableError
from headrace_components.evaluator.models import baseline_of, candidate_of, shared_models
from headrace_components.evaluator.params import EvaluatorParams
from headrace_components.evaluator.rows import EvaluationRows
from headrace_components.evaluator.verdict import log_summary, verdict_of, write_blessing
from headrace_components.parameters import read
from headrace_components.task import Artifact, Task
from headrace_components.user_code.user_module import call_user_function, load_module


def execute(task: Task) -> None:
    """Writes TFMA's files under `evaluation`, the blessing, and both for people and UIs to see."""
    params = read(EvaluatorParams, task.params, task.component)
    candidate = candidate_of(task)
    baseline = baseline_of(task) if candidate else None
    checked = checked_config(
        params.eval_config,
        has_model=candidate is not None,
        has_baseline=baseline is not None,
        fairness_thresholds=params.fairness_indicator_thresholds,
    )
    examples, schema = task.input("examples"), task.optional_input("schema")
    rows = EvaluationRows(
        examples.path,
        params.example_splits or ("eval",),
        schemas.read(schema.path, task.component) if schema else None,
    )
    functions = _user_functions(task.component, params.module_file)
    models = (
        shared_models(
            checked.proto,
            candidate,
            baseline,
            load=functions.get("custom_eval_shared_model"),
            is_rubber_stamp=checked.is_rubber_stamp,
        )
        if candidate
        else []
    )
    output = task.output("evaluation").path
    results.write_config(
        checked.proto,
        output,
        data_location=examples.uri,
        model_locations=_model_locations(checked, candidate, baseline),
    )
    _evaluate(rows, checked, models, output, functions.get("custom_extractors"))
    log_summary(checked.proto, output)
    verdict = verdict_of(checked, output)
    write_blessing(task.output("blessing"), verdict, candidate, baseline)
    presentation.write(task, checked.proto, output, verdict)


def _evaluate(
    rows: EvaluationRows,
    checked: CheckedConfig,
    models: list[Any],
    output: Path,
    custom_extractors: Callable[..., Any] | None,
) -> None:
    start = time.monotonic()
    rubber_stamp = checked.is_rubber_stamp
    sliced = None if custom_extractors else _embedded(rows, checked, models)
    if sliced is not None:
        results.write_results(sliced, checked.proto, output, is_rubber_stamp=rubber_stamp)
    else:
        beam_engine.evaluate(
            rows,
            checked.proto,
            models,
            output,
            extractors=_extractors(rows, checked, models, custom_extractors),
            writers=results.beam_writers(checked.proto, output, is_rubber_stamp=rubber_stamp),
        )
    logging.info("evaluator: metrics took %.1f s.", time.monotonic() - start)


def _embedded(
    rows: EvaluationRows, checked: CheckedConfig, models: list[Any]
) -> list[results.SlicedMetrics] | None:
    try:
        return embedded_engine.evaluate(rows, checked.proto, models)
    except NotEmbeddableError as reason:
        logging.info("evaluator: evaluating with TFMA on Beam: %s.", reason)
    rows.check_features(checked.proto, has_model=bool(models))
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


def _user_functions(component: str, module_file: str) -> dict[str, Callable[..., Any]]:
    """Returns the functions that the user's module defines, of those that Evaluator calls."""
    if not module_file:
        return {}
    module = load_module(component, module_file)
    return {
        name: functools.partial(call_user_function, component, getattr(module, name))
        for name in ("custom_eval_shared_model", "custom_extractors")
        if hasattr(module, name)
    }


def _model_locations(
    checked: CheckedConfig, candidate: Artifact | None, baseline: Artifact | None
) -> dict[str, str]:
    locations = {}
    for spec in checked.proto.model_specs:
        artifact = baseline if spec.is_baseline else candidate
        locations[spec.name] = f"{artifact.uri}/Format-Serving" if artifact else "<unknown>"
    return locations

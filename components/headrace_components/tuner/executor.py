"""Calls the user's tuner_fn, runs the search and keeps the best hyperparameters."""

import json
import logging
import math
import tempfile
import time
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.user_code.precision import computing
from headrace_components.tuner.outcome import progress_shown, publish
from headrace_components.tuner.parallel import search_in_processes
from headrace_components.tuner.params import TunerParams
from headrace_components.tuner.search import Search, failure_of, prepare

BEST_FILE = "best_hyperparameters.txt"
RESULTS_FILE = "tuner_results.json"


def execute(task: Task) -> None:
    """Writes `best_hyperparameters.txt`, `tuner_results.json`, the report and the metrics."""
    params = read(TunerParams, task.params, task.component)
    with (
        computing(params.mixed_precision, params.xla),
        tempfile.TemporaryDirectory(prefix="headrace-tuner-") as working_dir,
    ):
        search = prepare(task, params, working_dir)
        start = time.monotonic()
        oracle, is_alone = search.tuner.oracle, params.trials_at_once <= 1
        with progress_shown(task, oracle, in_this_process=is_alone):
            if is_alone:
                search.run()
            else:
                search_in_processes(task, params.trials_at_once, working_dir, search)
        trials = _ranked(search)
        best = _best_hyperparameters(search, trials)
    logging.info(
        "tuner: %d of %d trials completed in %.1f s; the best score is %g with %s.",
        len(trials),
        len(search.tuner.oracle.trials),
        time.monotonic() - start,
        trials[0].score,
        json.dumps(best.get("values", {})),
    )
    best_file = task.output("best_hyperparameters").path / BEST_FILE
    best_file.write_text(json.dumps(best), "utf-8")
    # As in TFX, trials without hyperparameters are left out.
    records = [
        {"trial_id": trial.trial_id, "score": trial.score, **trial.hyperparameters.values}
        for trial in trials
        if trial.hyperparameters.values
    ]
    results_file = task.output("tuner_results").path / RESULTS_FILE
    results_file.write_text(json.dumps(records), "utf-8")
    publish(task, oracle, trials)


def _ranked(search: Search) -> list[Any]:
    """Returns the completed trials with a score, the best first.

    KerasTuner sorts by the raw score; with a NaN score the order would be undefined.

    Raises:
        InputError: There are no trials with a score.
    """
    oracle = search.tuner.oracle
    all_trials = list(oracle.trials.values())
    completed = [trial for trial in all_trials if trial.status == "COMPLETED"]
    scored = [t for t in completed if t.score is not None and math.isfinite(t.score)]
    if not scored:
        raise InputError(_nothing_found(search, all_trials))
    is_max = getattr(oracle.objective, "direction", "min") == "max"
    return sorted(scored, key=lambda trial: -trial.score if is_max else trial.score)


def _nothing_found(search: Search, trials: list[Any]) -> str:
    failed = [trial for trial in trials if trial.message]
    if failed:
        reason = f"{len(failed)} failed, the last with {failure_of(failed[-1], search.module)}"
        advice = "Correct the model that tuner_fn builds, or its `fit_kwargs`"
    elif trials:
        reason = f"{len(trials)} ended without a finite score, the last with {trials[-1].score}"
        advice = "Check the objective, and the loss of the model that tuner_fn builds"
    else:
        reason = "none was started"
        advice = "Give the tuner trials to run, and call its own `search` where you replace it"
    return f"the search found nothing: of its trials, {reason}. {advice}."


def _best_hyperparameters(search: Search, ranked: list[Any]) -> dict[str, Any]:
    # Use the tuner's own choice, as in TFX, if its scores can be compared.
    completed = [t for t in search.tuner.oracle.trials.values() if t.status == "COMPLETED"]
    chosen = search.tuner.get_best_hyperparameters() if len(completed) == len(ranked) else []
    best = chosen[0] if chosen else ranked[0].hyperparameters
    config: dict[str, Any] = best.get_config()
    return config

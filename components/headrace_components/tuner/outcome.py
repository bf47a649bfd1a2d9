"""Publishes how a search goes: its progress while it runs, then metrics and a page of trials."""

import contextlib
import json
import math
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from headrace_components.contract.progress import Progress, Reporter
from headrace_components.contract.task import Task
from headrace_components.library.reports import page
from headrace_components.library.reports.lines import line_chart
from headrace_components.library.reports.markup import Markup, element
from headrace_components.library.reports.numbers import number
from headrace_components.library.user_code.training_watch import TrainingWatch

_LOOK_SECONDS = 1.0
_MAX_TRIALS = 200
_MAX_COLUMNS = 12


@contextlib.contextmanager
def progress_shown(task: Task, oracle: Any, *, in_this_process: bool) -> Iterator[None]:
    """Reports the trial, the best score so far, and how far a trial of this process is.

    Args:
        task: The task.
        oracle: KerasTuner's oracle.
        in_this_process: Whether trials run here, one after the other.
    """
    reporter = Reporter(task.component)
    if in_this_process:
        with TrainingWatch(reporter, lambda: _state(oracle)[0]).watching():
            yield
        return
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(_LOOK_SECONDS):
            text, share = _state(oracle)
            if text:
                reporter.report(Progress(text=text, share=share))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def publish(task: Task, oracle: Any, ranked: Sequence[Any]) -> None:
    """Writes the outputs `metrics` and `report`.

    Args:
        task: The task; it has these outputs.
        oracle: KerasTuner's oracle after the search.
        ranked: The trials with a score, the best first.
    """
    name = _objective(oracle)
    trials = list(oracle.trials.values())
    values: dict[str, float | int] = {
        "best_score": float(ranked[0].score),
        "num_trials": len(trials),
        "num_failed_trials": len(trials) - len(ranked),
    }
    task.output("metrics").metadata.update(values)
    task.output("report").path.write_bytes(_report(name, trials, ranked))


def _state(oracle: Any) -> tuple[str, float | None]:
    """Returns the trial and the best score so far, and the share of the trials that are over."""
    trials = list(dict(oracle.trials).values())
    if not trials:
        return "", None
    planned = getattr(oracle, "max_trials", None)
    scores = [trial.score for trial in trials if _has_score(trial)]
    words = [f"trial {len(trials)}" + (f"/{planned}" if planned else "")]
    if scores:
        best = max(scores) if _is_max(oracle) else min(scores)
        words.append(f"best {_objective(oracle)} {best:.4g}")
    over = sum(trial.status in ("COMPLETED", "FAILED", "INVALID") for trial in trials)
    return ", ".join(words), over / planned if planned else None


def _has_score(trial: Any) -> bool:
    is_done = trial.status == "COMPLETED" and trial.score is not None
    return is_done and math.isfinite(trial.score)


def _is_max(oracle: Any) -> bool:
    return bool(getattr(_objective_of(oracle), "direction", "min") == "max")


def _objective_of(oracle: Any) -> Any:
    return getattr(oracle, "objective", None)


def _objective(oracle: Any) -> str:
    return str(getattr(_objective_of(oracle), "name", "score"))


def _report(name: str, trials: Sequence[Any], ranked: Sequence[Any]) -> bytes:
    """Returns an HTML page: the scores in the order of the trials, and the trials, best first."""
    count = len(trials)
    failed = count - len(ranked)
    subtitle = f"{number(count)} trial{'' if count == 1 else 's'}"
    if failed:
        subtitle += f", {number(failed)} without a score"
    numbers = {trial.trial_id: index for index, trial in enumerate(trials, start=1)}
    points = sorted((numbers[trial.trial_id], float(trial.score)) for trial in ranked)
    columns = list(dict.fromkeys(key for trial in ranked for key in _values(trial)))
    shown = columns[:_MAX_COLUMNS]
    rows = [
        page.row(
            f"{numbers[trial.trial_id]}",
            [number(float(trial.score))],
            *(_text(_values(trial).get(key)) for key in shown),
        )
        for trial in ranked[:_MAX_TRIALS]
    ]
    table = page.data_table(
        "Trials, the best first", page.heading_row(["Trial", name], shown), rows
    )
    label = f"{name} by trial, the best is {number(float(ranked[0].score))}"
    left_out = [
        f"{number(len(items) - most)} more {noun} are in tuner_results.json."
        for items, most, noun in (
            (ranked, _MAX_TRIALS, "trials"),
            (columns, _MAX_COLUMNS, "hyperparameters"),
        )
        if len(items) > most
    ]
    chart = element(
        "article", element("h3", name), line_chart([points], "trial", label), class_="card"
    )
    return page.page(
        "Search for hyperparameters",
        subtitle,
        page.section("Scores", element("div", chart, class_="cards")),
        page.section("Trials", table, *map(page.paragraph, left_out)),
    )


def _values(trial: Any) -> dict[str, Any]:
    # KerasTuner keeps its own notes, such as those of Hyperband, among the values.
    values: dict[str, Any] = trial.hyperparameters.values
    return {key: value for key, value in values.items() if not key.startswith("tuner/")}


def _text(value: Any) -> Markup | str:
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)

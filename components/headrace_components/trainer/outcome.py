"""Publishes how a training went: its metrics, its curves, and whether its loss is a number."""

import json
import math
import re
from pathlib import Path

from headrace_components.contract import reasons
from headrace_components.contract.notices import announce
from headrace_components.contract.task import Task
from headrace_components.library.user_code.training_history import History, diverged, is_loss
from headrace_components.trainer.event_files import read_histories
from headrace_components.trainer.report import training_report

HISTORY_FILE = "history.json"
"""The curves of the last model, in `metrics`: by metric, pairs of an epoch or step and a value."""

_MAX_HEADLINES = 6

_ADVICE = "Lower the learning rate, or look for values in the examples that are not numbers"


def publish(task: Task, seen: list[History]) -> None:
    """Writes the outputs `metrics` and `report`, and the verdict on the loss.

    Args:
        task: The task; it has these outputs.
        seen: The histories of the models that Keras trained. Without any, the files for TensorBoard
            in `model_run` are read.
    """
    histories = [each for each in seen if each.num_epochs or each.num_steps]
    if not histories:
        histories = read_histories(Path(task.output("model_run").path))
    task.output("report").path.write_bytes(training_report(histories))
    if not histories:
        return
    last = histories[-1]
    metrics = task.output("metrics")
    metrics.metadata.update(metric_values(last))
    (metrics.path / HISTORY_FILE).write_text(json.dumps(_plain(last), sort_keys=True), "utf-8")
    wrong = diverged(last)
    metadata = task.output("model_run").metadata
    metadata["headline"] = json.dumps(headline(last))
    metadata["has_finite_loss"] = int(not wrong)
    if wrong:
        metadata[reasons.KEY] = reasons.to_text([*wrong, _ADVICE])
        announce("trainer: %s. %s.", "; ".join(wrong), _ADVICE)


def _plain(history: History) -> dict[str, list[list[float | str]]]:
    """Returns the curves as JSON data, which has no words for what is not finite."""
    return {
        name: [[at, value if math.isfinite(value) else str(value)] for at, value in points]
        for name, points in history.curves().items()
    }


def headline(history: History) -> list[str]:
    """Returns the names of the most important metrics: of validation, then of training."""
    names = sorted(
        history.last(),
        key=lambda name: (not name.startswith("val_"), not is_loss(name), name),
    )
    return [_published(name) for name in [*names[:_MAX_HEADLINES], "examples_per_second", "steps"]]


def metric_values(history: History) -> dict[str, float | int]:
    """Returns numbers for comparing runs, by names that every backend accepts.

    They are the last value of each metric, its best one as `best_<metric>`, the numbers of epochs
    and steps, and how fast steps were. Only the last of these is another one in each run.
    """
    values: dict[str, float | int] = {**history.last()}
    values.update({f"best_{name}": value for name, value in history.best().items()})
    if history.num_epochs:
        values["epochs"] = history.num_epochs
    if history.num_steps:
        values["steps"] = history.num_steps
    examples, steps = history.examples_per_second(), history.steps_per_second()
    if examples is not None:
        values["examples_per_second"] = float(f"{examples:.4g}")
    elif steps is not None:
        values["steps_per_second"] = float(f"{steps:.4g}")
    return {_published(name): value for name, value in values.items() if math.isfinite(value)}


def _published(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_")

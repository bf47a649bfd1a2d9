"""Hyperparameters, and the trials of a tuning."""

import json
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.library.previews.blocks import (
    Block,
    Cell,
    cut,
    facts,
    note,
    section,
    table,
)

_MAX_BYTES = 20_000_000
_MAX_COLUMNS = 60


def read_hyperparameters(path: Path) -> list[Block]:
    """Returns the sections of a HyperParameters artifact. Raises InputError if it is damaged."""
    content = _json(path, "best_hyperparameters.txt")
    values = content.get("values") if isinstance(content, dict) else None
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no hyperparameters of KerasTuner: there are no `values`.")
    space = content.get("space")
    ranges = {
        config.get("name"): config
        for entry in (space if isinstance(space, list) else [])
        if isinstance(entry, dict) and isinstance(config := entry.get("config"), dict)
    }
    rows: list[list[Cell]] = [
        [cut(str(name)), _cell(value), _range(ranges.get(name))] for name, value in values.items()
    ]
    blocks = [table("Hyperparameters", ("name", "value", "searched in"), rows)]
    return [section("Hyperparameters", *(blocks if rows else [note("There are none.")]))]


def read_trials(path: Path) -> list[Block]:
    """Returns the sections of a TunerResults artifact. Raises InputError if it is damaged."""
    content = _json(path, "tuner_results.json")
    trials = (
        [each for each in content if isinstance(each, dict)] if isinstance(content, list) else []
    )
    if not trials:
        return [section("Trials", note("No trial was completed.", "warn"))]
    names = list(dict.fromkeys(str(name) for trial in trials for name in trial))[:_MAX_COLUMNS]
    first = [name for name in ("trial_id", "score") if name in names]
    columns = [*first, *(name for name in names if name not in first)]
    rows = [[_cell(trial.get(name)) for name in columns] for trial in trials]
    best = [(cut(name), _cell(trials[0].get(name))) for name in columns]
    return [
        section("Best trial", facts(best)),
        section("Trials", table("Trials, the best first", [*map(cut, columns)], rows)),
    ]


def _json(path: Path, name: str) -> Any:
    file = path / name
    if not file.is_file():
        others = [each for each in sorted(path.glob("*")) if each.suffix in (".txt", ".json")]
        if not others:
            raise InputError(f"{path} has no {name}.")
        file = others[0]
    if file.stat().st_size > _MAX_BYTES:
        raise InputError(f"{file} has more than {_MAX_BYTES // 1_000_000} MB.")
    try:
        return json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is not JSON: {error}.") from error


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    return value if isinstance(value, int | float) else cut(str(value))


def _range(config: dict[str, Any] | None) -> Cell:
    if not config:
        return None
    if isinstance(config.get("values"), list):
        return cut(", ".join(map(str, config["values"])))
    bounds = [config.get("min_value"), config.get("max_value")]
    if None in bounds:
        return None
    step = config.get("step")
    scale = config.get("sampling") if config.get("sampling") not in (None, "linear") else ""
    extra = [f"step {step}"] if step else []
    extra += [str(scale)] if scale else []
    return cut(", ".join([f"{bounds[0]} to {bounds[1]}", *extra]))

"""What tables of runs say of parameters."""

from collections.abc import Sequence
from typing import Any

from headrace.contract.service import ServiceRun

_MAX_LENGTH = 40
_MAX_PARAMETERS = 4


def differing_parameters(runs: Sequence[ServiceRun]) -> list[str]:
    """Returns, for each run, the parameters that differ between the runs of its pipeline.

    For the only run of a pipeline, and where none differs, they are its first ones.
    """
    values: dict[str, dict[str, list[Any]]] = {}
    for run in runs:
        for name, value in run.parameters.items():
            values.setdefault(run.pipeline, {}).setdefault(name, []).append(value)
    return [_words(run, values.get(run.pipeline, {})) for run in runs]


def _words(run: ServiceRun, values: dict[str, list[Any]]) -> str:
    names = sorted(run.parameters)
    differing = [name for name in names if any(v != values[name][0] for v in values[name])]
    shown = (differing or names)[:_MAX_PARAMETERS]
    return " ".join(f"{name}={short(run.parameters[name])}" for name in shown)


def short(value: Any) -> str:
    """Returns a value in one line of a table."""
    text = " ".join(str(value).split())
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 3]}..."

"""Puts runs beside each other: their parameters, metrics and verdicts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.contract.service import ServiceRun


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One thing that runs have, or some of them.

    Attributes:
        name: Its name.
        values: The value of each run; None for a run that does not have it.
        task: The task that it belongs to; empty for a parameter of the run.
    """

    name: str
    values: tuple[Any, ...]
    task: str = ""

    @property
    def differs(self) -> bool:
        """Whether the runs do not all have the same."""
        return any(value != self.values[0] for value in self.values)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunComparison:
    """Runs beside each other.

    Attributes:
        runs: The runs, in the order in which they were given.
        parameters: Their parameters, by name.
        metrics: Their metrics, the most important first.
        verdicts: Their verdicts, as texts, in the order of the tasks.
    """

    runs: tuple[ServiceRun, ...]
    parameters: tuple[Compared, ...]
    metrics: tuple[Compared, ...]
    verdicts: tuple[Compared, ...]


def compared(runs: Sequence[ServiceRun]) -> RunComparison:
    """Returns runs beside each other; they may be of different pipelines."""
    return RunComparison(
        runs=tuple(runs),
        parameters=_rows(
            runs,
            lambda run: ((("", name), run.parameters[name]) for name in sorted(run.parameters)),
        ),
        metrics=_rows(
            runs, lambda run: (((each.task, each.name), each.value) for each in run.summary.metrics)
        ),
        verdicts=_rows(runs, _verdicts),
    )


def _verdicts(run: ServiceRun) -> Iterable[tuple[tuple[str, str], str]]:
    texts: dict[str, list[str]] = {}
    for each in run.summary.verdicts:
        texts.setdefault(each.task, []).append(each.text)
    return (((task, "verdict"), ", ".join(found)) for task, found in texts.items())


def _rows(
    runs: Sequence[ServiceRun],
    items: Callable[[ServiceRun], Iterable[tuple[tuple[str, str], Any]]],
) -> tuple[Compared, ...]:
    found = [dict(items(run)) for run in runs]
    keys = dict.fromkeys(key for values in found for key in values)
    return tuple(
        Compared(task=task, name=name, values=tuple(values.get((task, name)) for values in found))
        for task, name in keys
    )

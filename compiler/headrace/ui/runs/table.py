"""The table of runs: which columns it has, which runs it shows, and in which order."""

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from headrace.contract.service import ServiceRun
from headrace.ui.rendering import as_text

_MAX_COLUMNS = 3
"""Of parameters, and of metrics; `Selection.all_columns` shows all."""

PARAMETER, METRIC = "parameter:", "metric:"
"""Beginnings of the names of such columns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A run in the table.

    Attributes:
        run: The run.
        metrics: Its metrics by name; of several tasks' metrics with a name, the most important.
    """

    run: ServiceRun
    metrics: Mapping[str, float]

    @classmethod
    def of(cls, run: ServiceRun) -> "Row":
        """Returns the row of a run."""
        metrics: dict[str, float] = {}
        for metric in run.summary.metrics:
            metrics.setdefault(metric.name, metric.value)
        return cls(run=run, metrics=metrics)


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What a person asked for, from the address of the page.

    Attributes:
        text: A part of the ID, the name or the value of a parameter.
        pipeline: Name of a pipeline; empty for all.
        state: A state; empty for all.
        parameters: Texts of values by name of parameter.
        sort: Name of a column; empty for the newest first.
        descending: Whether large values are first.
        all_columns: Whether all parameters and metrics are shown.
    """

    text: str = ""
    pipeline: str = ""
    state: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    descending: bool = False
    all_columns: bool = False

    def has_text(self, run: ServiceRun) -> bool:
        """Returns whether a run has the text that was asked for."""
        text = self.text.lower()
        return not text or any(text in each.lower() for each in _texts(run))


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of the table.

    Attributes:
        name: Its name in the address of the page.
        title: Its heading.
        kind: What is in it.
        value: Returns what is in it for a row, to sort by; None for nothing.
    """

    name: str
    title: str
    kind: Literal["run", "text", "state", "time", "duration", "parameter", "metric", "verdict"]
    value: Callable[[Row], Any]


def _verdict_text(row: Row) -> str | None:
    # Those that need a person are first.
    order = sorted(row.run.summary.verdicts, key=lambda verdict: verdict.is_good is not False)
    return order[0].text if order else None


_FIRST = (
    Column(name="run", title="Run", kind="run", value=lambda row: row.run.id),
    Column(name="state", title="State", kind="state", value=lambda row: row.run.state),
    Column(name="pipeline", title="Pipeline", kind="text", value=lambda row: row.run.pipeline),
    Column(name="verdict", title="Verdict", kind="verdict", value=_verdict_text),
    Column(name="started", title="Started", kind="time", value=lambda row: _moment(row.run)),
    Column(name="duration", title="Duration", kind="duration", value=lambda row: row.run.seconds),
)


def columns_of(rows: Sequence[Row], selection: Selection) -> tuple[list[Column], int]:
    """Returns the columns, and the number of those that are left out.

    Of the parameters, those are shown that differ between the runs; of the metrics, those that
    the first runs call the most important. The column that rows are sorted by is there.
    """
    every = dict.fromkeys(PARAMETER + name for row in rows for name in row.run.parameters)
    metrics = dict.fromkeys(METRIC + name for row in rows for name in row.metrics)
    names = [*metrics, *every]
    if not selection.all_columns:
        varying = [PARAMETER + name for name in _varying(rows)]
        shown = [*[*metrics][:_MAX_COLUMNS], *varying[:_MAX_COLUMNS]]
        names = [name for name in names if name in shown or name == selection.sort]
    columns = [column for name in names if (column := column_named(name))]
    return [*_FIRST, *columns], len(every) + len(metrics) - len(columns)


def column_named(name: str) -> Column | None:
    """Returns the column that rows are sorted by; None if there is no such column."""
    if name.startswith(PARAMETER):
        return _parameter_column(name.removeprefix(PARAMETER))
    if name.startswith(METRIC):
        return _metric_column(name.removeprefix(METRIC))
    return next((column for column in _FIRST if column.name == name), None)


def in_order(rows: Iterable[Row], column: Column, *, descending: bool) -> list[Row]:
    """Returns rows sorted by a column; those without a value come last."""
    keyed = [(column.value(row), row) for row in rows]
    there = [(_order(value), row) for value, row in keyed if value is not None]
    there.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in there] + [row for value, row in keyed if value is None]


def _parameter_column(name: str) -> Column:
    return Column(
        name=PARAMETER + name,
        title=name,
        kind="parameter",
        value=lambda row: row.run.parameters.get(name),
    )


def _metric_column(name: str) -> Column:
    return Column(
        name=METRIC + name, title=name, kind="metric", value=lambda row: row.metrics.get(name)
    )


def _varying(rows: Sequence[Row]) -> list[str]:
    """Returns the parameters that do not have the same value in all runs that have them."""
    values: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.run.parameters.items():
            values.setdefault(name, set()).add(as_text(value))
    return [name for name, found in values.items() if len(found) > 1]


def _moment(run: ServiceRun) -> float | None:
    return run.created.timestamp() if run.created else None


def _order(value: Any) -> tuple[int, float, str]:
    """Returns a key by which values of different types can be sorted: numbers, then texts."""
    with contextlib.suppress(OverflowError):  # a whole number of hundreds of digits
        if isinstance(value, (int, float)) and math.isfinite(value):
            return 0, value, ""
    return 1, 0.0, as_text(value).lower()


def _texts(run: ServiceRun) -> Iterable[str]:
    yield from (run.id, run.name, run.pipeline)
    yield from (f"{name}={as_text(value)}" for name, value in run.parameters.items())

"""Tables of runs, for terminals, files and pull requests."""

from collections.abc import Iterable, Sequence
from typing import Any

from headrace.contract.service import ServiceRun
from headrace.display.outcomes import duration, utc
from headrace.display.runs.comparison import Compared, RunComparison
from headrace.display.verdicts import number

_MAX_LENGTH = 40
_MAX_PARAMETERS = 4
_MAX_METRICS = 2


def list_rows(runs: Sequence[ServiceRun]) -> list[tuple[str, ...]]:
    """Returns the rows of a table of runs, with a heading.

    The parameters are those that differ between the runs of a pipeline; for the only run of a
    pipeline, and where none differs, its first ones. A column that is empty in all rows is left
    out.
    """
    heading = ("CREATED (UTC)", "STATE", "NAME", "RUN", "TIME", "RESULT", "PARAMETERS")
    values: dict[str, dict[str, list[Any]]] = {}
    for run in runs:
        for name, value in run.parameters.items():
            values.setdefault(run.pipeline, {}).setdefault(name, []).append(value)
    rows = [
        (
            utc(run.created),
            run.state,
            run.name,
            run.id,
            duration(run.seconds) if run.seconds else "",
            _result(run),
            _parameters(run, values.get(run.pipeline, {})),
        )
        for run in runs
    ]
    used = [place for place in range(len(heading)) if place < 4 or any(row[place] for row in rows)]
    return [tuple(row[place] for place in used) for row in (heading, *rows)]


def _result(run: ServiceRun) -> str:
    """Returns the first metrics of a run, behind what a person should look at."""
    bad = [verdict.text for verdict in run.summary.verdicts if verdict.is_good is False]
    metrics = [f"{each.name}={number(each.value)}" for each in run.summary.metrics]
    return " ".join([*(short(text) for text in bad[:1]), *metrics[:_MAX_METRICS]])


def _parameters(run: ServiceRun, values: dict[str, list[Any]]) -> str:
    names = sorted(run.parameters)
    differing = [name for name in names if any(v != values[name][0] for v in values[name])]
    shown = (differing or names)[:_MAX_PARAMETERS]
    return " ".join(f"{name}={short(run.parameters[name])}" for name in shown)


def short(value: Any) -> str:
    """Returns a value in one line of a table."""
    text = " ".join(str(value).split())
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 3]}..."


def comparison_rows(comparison: RunComparison, *, only_differences: bool) -> list[tuple[str, ...]]:
    """Returns the rows of a table with a column for each run, and a heading.

    The first cell of a row is `*` if the runs differ, and the second one what the row is about.
    Behind a metric is its change against the first run.
    """
    runs = comparison.runs
    facts = [
        Compared(name="pipeline", values=tuple(run.pipeline for run in runs)),
        Compared(name="state", values=tuple(run.state for run in runs)),
    ]
    times = [tuple(utc(run.created) for run in runs), tuple(duration(run.seconds) for run in runs)]
    rows = [("", "", *(run.id for run in runs)), *_rows(facts)]
    rows += [("", "made (UTC)", *times[0]), ("", "time", *times[1])]
    for group in (comparison.parameters, comparison.verdicts, comparison.metrics):
        rows += _rows(each for each in group if each.differs or not only_differences)
    return rows


def _rows(compared: Iterable[Compared]) -> list[tuple[str, ...]]:
    return [
        (
            "*" if each.differs else "",
            f"{each.task}: {each.name}" if each.task else each.name,
            *(_cell(value, each) for value in each.values),
        )
        for each in compared
    ]


def _cell(value: Any, compared: Compared) -> str:
    first = compared.values[0]
    if value is None:
        return "-"
    if not compared.task or not isinstance(value, float):
        return short(value)
    is_change = isinstance(first, float) and value != first
    return number(value) + (f" ({value - first:+.3g})" if is_change else "")


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Returns rows as a table in Markdown; the first row is the heading."""
    lines = [f"| {' | '.join(map(_escaped, row))} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def _escaped(text: str) -> str:
    for mark in "\\`*_{}[]<>#|~":
        text = text.replace(mark, f"\\{mark}")
    return text

"""Turns results into one table. A ratio above 1 says how many times less Headrace takes."""

from collections.abc import Sequence

from bench.harness import Figures, Recorded, Result, medians

HEADER = (
    *("Measured", "Rows", "Headrace s", "CPU s", "rows/s", "MiB"),
    *("Beside", "Rows", "s", "CPU s", "rows/s", "MiB", "Ratio"),
)


def table(results: Sequence[Result]) -> str:
    """Returns a Markdown table with a row per result: medians, and the ratio of the two sides."""
    rows = [HEADER, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def ratio(headrace: Figures, beside: Figures) -> float:
    """Returns how many times as long the other side takes.

    Seconds per row are compared where both sides count rows, so that they may process different
    numbers of them; otherwise seconds.
    """
    if headrace.rows and beside.rows:
        return (beside.seconds / beside.rows) / (headrace.seconds / headrace.rows)
    return beside.seconds / headrace.seconds


def _row(result: Result) -> tuple[str, ...]:
    measurement, ours = result.measurement, medians(result.headrace)
    beside = measurement.beside
    theirs = beside.figures if isinstance(beside, Recorded) else None
    if result.beside:
        theirs = medians(result.beside)
    if beside is None or theirs is None:
        return (measurement.title, *_cells(ours), *[""] * 7)
    # A side that does not count its rows itself processes those of the other.
    if theirs.rows is None and ours.rows is not None:
        theirs = Figures(
            seconds=theirs.seconds,
            cpu_seconds=theirs.cpu_seconds,
            peak_mib=theirs.peak_mib,
            rows=ours.rows,
        )
    return (
        measurement.title,
        *_cells(ours),
        beside.label,
        *_cells(theirs),
        f"{ratio(ours, theirs):.1f}",
    )


def _cells(figures: Figures) -> tuple[str, ...]:
    """Returns rows, seconds, CPU seconds, rows per second and MiB; nothing where not known."""
    return (
        f"{figures.rows:,}" if figures.rows else "",
        f"{figures.seconds:.2f}",
        "" if figures.cpu_seconds is None else f"{figures.cpu_seconds:.2f}",
        f"{figures.rows / figures.seconds:,.0f}" if figures.rows else "",
        "" if figures.peak_mib is None else f"{figures.peak_mib:,.0f}",
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if column in (0, 6) else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |"

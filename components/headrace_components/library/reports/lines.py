"""A chart of lines over whole numbers, such as epochs."""

import math
from collections.abc import Sequence

from headrace_components.library.reports.markup import Markup, element
from headrace_components.library.reports.numbers import number

_WIDTH, _HEIGHT = 320, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 34

Points = Sequence[tuple[int, float]]


def line_chart(lines: Sequence[Points], x: str, label: str) -> Markup:
    """Returns one or two lines; values that are not finite leave a gap.

    Args:
        lines: Points with ascending numbers; the second line is drawn with dashes.
        x: Name of the horizontal axis.
        label: A description of the chart, for readers who cannot see it.
    """
    finite = [point for points in lines for point in points if math.isfinite(point[1])]
    if not finite:
        return element("p", "No value is a finite number.", class_="soft")
    first, last = min(at for at, _ in finite), max(at for at, _ in finite)
    low, high = min(value for _, value in finite), max(value for _, value in finite)
    if low == high:
        low, high = low - abs(low) / 2 - 0.5, high + abs(high) / 2 + 0.5
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def place(at: int, value: float) -> str:
        across = (at - first) / (last - first) if last > first else 0.5
        up = (value / 2 - low / 2) / (high / 2 - low / 2)  # halves: the difference may overflow
        return f"{_LEFT + across * (right - _LEFT):.1f} {bottom - up * (bottom - _TOP):.1f}"

    parts = [element("path", d=f"M{_LEFT} {_TOP}V{bottom}H{right}", class_="axis")]
    for kind, points in reversed(list(zip(("line", "line2"), lines, strict=False))):
        for run in _runs(points):
            steps = [place(*point) for point in run]
            # A single point needs a line to be seen.
            parts.append(element("path", d=f"M{'L'.join(steps)}h.1", class_=kind))
    texts = [
        (number(high), _LEFT - 5, _TOP + 8, "end"),
        (number(low), _LEFT - 5, bottom, "end"),
        (number(first), _LEFT, bottom + 14, "middle"),
        *([(number(last), right, bottom + 14, "end")] if last > first else []),
        (x, (_LEFT + right) // 2, _HEIGHT - 4, "middle"),
    ]
    parts += [element("text", text, x=px, y=py, text_anchor=to) for text, px, py, to in texts]
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        class_="curve",
        role="img",
        aria_label=label,
    )


def _runs(points: Points) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for at, value in points:
        if math.isfinite(value):
            runs[-1].append((at, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]

"""Lines and matrices as places in an SVG, which a template draws without any script."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 28
_NUM_TICKS = 4
_MOST = 1e300
_LEAST = 1e-290


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A mark of an axis: where, and its number as text."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of a chart: its name, its path, and its last value as text."""

    name: str
    path: str
    dots: Sequence[tuple[float, float]]
    last: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """What the template draws.

    Attributes:
        caption: What it shows.
        x: Name of the horizontal axis.
        lines: The lines, at most some.
        across: Marks of the horizontal axis.
        up: Marks of the vertical axis.
        is_shared: Whether there is a diagonal to compare with, as for a ROC curve.
    """

    caption: str
    x: str
    y: str
    lines: Sequence[Line]
    across: Sequence[Tick]
    up: Sequence[Tick]
    diagonal: str = ""


def line_chart(block: Mapping[str, Any]) -> Chart:
    """Returns the picture of a chart of `headrace_components.library.previews.blocks`."""
    lines = [
        (str(each["name"]), [(x, y) for x, y in each["points"] if _is_finite(x, y)])
        for each in block["series"]
    ]
    return draw(str(block["caption"]), str(block["x"]), "", lines)


def draw(
    caption: str,
    x: str,
    y: str,
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    *,
    has_diagonal: bool = False,
) -> Chart:
    """Returns lines over an axis. Points must be finite numbers."""
    points = [point for _, each in lines for point in each] or [(0.0, 0.0)]
    xs, ys = _range([px for px, _ in points]), _range([py for _, py in points])
    if has_diagonal:
        xs = ys = (0.0, 1.0)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across = (point[0] - xs[0]) / (xs[1] - xs[0])
        up = (point[1] - ys[0]) / (ys[1] - ys[0])
        return (
            round(_LEFT + across * (WIDTH - _LEFT - _RIGHT), 1),
            round(HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM), 1),
        )

    return Chart(
        caption=caption,
        x=x,
        y=y,
        lines=[
            Line(
                name=name,
                path=_path([place(point) for point in each]),
                dots=[place(point) for point in each] if len(each) == 1 else [],
                last=_number(each[-1][1]) if each else "no finite number",
            )
            for name, each in lines
        ],
        across=[Tick(at=place((at, ys[0]))[0], text=_number(at)) for at in _ticks(*xs)],
        up=[Tick(at=place((xs[0], at))[1], text=_number(at)) for at in _ticks(*ys)],
        diagonal=_path([place((0, 0)), place((1, 1))]) if has_diagonal else "",
    )


def _is_finite(*numbers: Any) -> bool:
    # A difference of numbers of this size is finite, too.
    return all(isinstance(each, int | float) and abs(each) <= _MOST for each in numbers)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if high - low < _LEAST:
        return low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    return low, high


def _ticks(low: float, high: float) -> list[float]:
    """Returns round numbers in a range."""
    step = 10 ** math.floor(math.log10((high - low) / _NUM_TICKS))
    step *= next(each for each in (1, 2, 5, 10) if (high - low) / (step * each) <= _NUM_TICKS + 1)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)][: 3 * _NUM_TICKS]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e9 else f"{value:.4g}"


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) if points else ""

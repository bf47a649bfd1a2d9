"""Small charts in SVG, scaled by the page around them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from headrace_components.library.reports.markup import Markup, element, join
from headrace_components.library.reports.numbers import number

_WIDTH, _HEIGHT = 200, 52
_STRIP_WIDTH, _STRIP_MIDDLE, _STRIP_INSET = 120, 8, 6
_SQUARE = 260
_MARGIN = 34
_DOTS = {"line": "dot", "line2": "dot2"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A bucket of a histogram.

    Attributes:
        low: Its lower end.
        high: Its upper end, >= `low`.
        share: Its share of the values, in [0, 1].
    """

    low: float
    high: float
    share: float


def histogram(bars: Sequence[Bar], low: float, high: float, tallest: float, label: str) -> Markup:
    """Returns a histogram whose areas are shares of the values.

    Args:
        bars: The buckets, finite.
        low: Left end of the axis; several histograms share it so that they can be compared.
        high: Right end of the axis, >= `low`.
        tallest: The density (share divided by width) that fills the height.
        label: A description of the chart, for readers who cannot see it.
    """
    path = "".join(_bar(bar, low, high, tallest) for bar in bars if bar.share > 0)
    return _plot(path, (number(low), number(high)), label)


def _plot(path: str, ends: tuple[str, str], label: str) -> Markup:
    chart = element(
        "svg",
        element("path", d=path, class_="bars"),
        element("path", d=f"M0 {_HEIGHT - 0.5}H{_WIDTH}", class_="axis"),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        class_="plot",
        role="img",
        aria_label=label,
    )
    ticks = (element("span", end) for end in ends)
    return join(chart, element("div", *ticks, class_="ticks"))


def log_histogram(ends: Sequence[float], low: float, high: float, label: str) -> Markup:
    """Returns a histogram on a logarithmic axis; values up to 0 are left out.

    Args:
        ends: Ends of buckets that hold equally many values, rising.
        low: Left end of the axis, above 0; several histograms share it.
        high: Right end of the axis, above `low`.
        label: A description of the chart, for readers who cannot see it.
    """
    share = 1 / max(len(ends) - 1, 1)
    bars = [
        Bar(low=math.log10(max(left, low)), high=math.log10(right), share=share)
        for left, right in pairwise(ends)
        if right > 0 and left >= 0
    ]
    axis = math.log10(low), math.log10(high)
    tallest = max((density(bar, *axis) for bar in bars), default=1.0)
    path = "".join(_bar(bar, *axis, tallest) for bar in bars)
    return _plot(path, (number(low), number(high)), label)


def density(bar: Bar, low: float, high: float) -> float:
    """Returns a bar's share by its width; a bar without width gets the least visible width."""
    return bar.share / max(bar.high - bar.low, (high - low) / 50, 1e-300)


def strip(
    value: float,
    baseline: float | None,
    reference: float | None,
    axis: tuple[float, float],
    label: str,
    interval: tuple[float, float] | None = None,
) -> Markup:
    """Returns a dot on an axis, with a ring for the baseline and a line for a reference.

    Args:
        value: The position of the dot.
        baseline: The position of the ring; None draws none.
        reference: The position of the line; None draws none.
        axis: Both ends of the axis, the left one first.
        label: A description of the chart, for readers who cannot see it.
        interval: Both ends of the confidence interval of the dot; None draws none.
    """
    marks = [element("path", d=f"M0 {_STRIP_MIDDLE}H{_STRIP_WIDTH}", class_="axis")]
    if interval is not None:
        low, high = (_place(end, axis) for end in interval)
        marks.append(element("path", d=f"M{low} {_STRIP_MIDDLE}H{high}", class_="interval"))
    if reference is not None:
        marks.append(element("path", d=f"M{_place(reference, axis)} 1v14", class_="mean"))
    if baseline is not None:
        marks.append(_circle("ring", baseline, axis))
    marks.append(_circle("dot", value, axis))
    return element(
        "svg",
        *marks,
        viewBox=f"0 0 {_STRIP_WIDTH} {2 * _STRIP_MIDDLE}",
        class_="strip",
        role="img",
        aria_label=label,
    )


def curve(
    lines: Sequence[Sequence[tuple[float, float]]],
    x: str,
    y: str,
    label: str,
    *,
    ends: tuple[str, str] = ("0", "1"),
    has_dots: bool = False,
) -> Markup:
    """Returns one or two lines in the unit square, with its diagonal.

    Args:
        lines: Points in [0, 1] x [0, 1]; the second line is the baseline's.
        x: Name of the horizontal axis.
        y: Name of the vertical axis.
        label: A description of the chart, for readers who cannot see it.
        ends: What both axes show at 0 and at 1.
        has_dots: Whether each point has a dot, for a line of few points.
    """
    start, end = _MARGIN, _SQUARE - 10
    size = end - start
    frame = f"M{start} 10V{10 + size}H{end}M{start} {10 + size}L{end} 10"
    paths = [element("path", d=frame, class_="axis")]
    for kind, points in reversed(list(zip(("line", "line2"), lines, strict=False))):
        steps = "L".join(
            f"{start + px * size:.1f} {10 + size - py * size:.1f}" for px, py in points
        )
        paths.append(element("path", d=f"M{steps}", class_=kind))
        if has_dots:
            places = ((start + px * size, 10 + size - py * size) for px, py in points)
            paths += [
                element("circle", cx=f"{left:.1f}", cy=f"{top:.1f}", r=3, class_=_DOTS[kind])
                for left, top in places
            ]
    height = 10 + size + _MARGIN
    texts = [
        element("text", x, x=start + size // 2, y=height - 6, text_anchor="middle"),
        element(
            "text",
            y,
            x=0,
            y=0,
            text_anchor="middle",
            transform=f"translate(12 {10 + size // 2}) rotate(-90)",
        ),
        *(
            element("text", words, x=px, y=10 + size + 14, text_anchor="middle")
            for words, px in zip(ends, (start, end), strict=True)
        ),
        element("text", ends[1], x=start - 5, y=16, text_anchor="end"),
    ]
    return element(
        "svg",
        *paths,
        *texts,
        viewBox=f"0 0 {_SQUARE} {height}",
        class_="curve",
        role="img",
        aria_label=label,
    )


def _bar(bar: Bar, low: float, high: float, tallest: float) -> str:
    scale = _WIDTH / (high - low) if high > low else 0.0
    left = (bar.low - low) * scale
    width = max((bar.high - bar.low) * scale, _WIDTH / 50)
    left = min(left, _WIDTH - width)
    height = max(density(bar, low, high) / tallest * (_HEIGHT - 2), 1.0)
    # One pixel of space between neighbours.
    return f"M{left:.1f} {_HEIGHT}h{max(width - 1, 1):.1f}v-{height:.1f}h-{max(width - 1, 1):.1f}z"


def _circle(kind: str, value: float, axis: tuple[float, float]) -> Markup:
    radius = "4" if kind == "dot" else "5.5"
    return element("circle", cx=_place(value, axis), cy=_STRIP_MIDDLE, r=radius, class_=kind)


def _place(value: float, axis: tuple[float, float]) -> str:
    low, high = axis
    room = _STRIP_WIDTH - 2 * _STRIP_INSET
    return f"{_STRIP_INSET + (room * (value - low) / (high - low) if high > low else room / 2):.1f}"

"""Writes numbers for people. Standard library only."""

import math

# Below this, no separator: the year 2,013 would look wrong.
_SEPARATED_FROM = 10_000
_INTEGERS_UP_TO = 1e15

ABSENT = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


def number(value: float | None) -> str:
    """Returns four significant digits, or all of an integer; a dash for None.

    Example:
        >>> [number(value) for value in (2013, 336776, 0.123456)]
        ['2013', '336,776', '0.1235']
    """
    if value is None:
        return ABSENT
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{_MINUS if value < 0 else ''}\N{INFINITY}"
    return f"{_MINUS if value < 0 else ''}{_magnitude(abs(value))}"


def signed(value: float | None) -> str:
    """Returns `number` with a sign in front, for differences."""
    text = number(value)
    return f"+{text}" if value is not None and math.isfinite(value) and value > 0 else text


def percent(share: float | None) -> str:
    """Returns a share in [0, 1] as a percentage; a dash for None.

    Example:
        >>> [percent(share) for share in (0.0, 0.0004, 0.256, 0.9999, 1.0)]
        ['0 %', '<0.1 %', '25.6 %', '>99.9 %', '100 %']
    """
    if share is None:
        return ABSENT
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", " %")
    if share < 0.001:
        return "<0.1 %"
    return ">99.9 %" if share > 0.999 else f"{100 * share:.1f} %"


def _magnitude(value: float) -> str:
    if value == int(value) and value < _INTEGERS_UP_TO:
        return f"{int(value):,}" if value >= _SEPARATED_FROM else f"{int(value)}"
    if _SEPARATED_FROM <= value < _INTEGERS_UP_TO:
        return f"{value:,.0f}"
    return f"{value:.4g}"

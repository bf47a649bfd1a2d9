"""Filters of templates about artifacts."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from headrace.lineage.summaries import Metric
from headrace_components.library.previews.blocks import size
from headrace_components.library.reports.numbers import number

_BAD_WORDS = ("not ", "anomalies in", "nothing is predicted")


def measured(value: float) -> str:
    """Returns a number for people, with the digits that tell it from others."""
    return number(value)


def stepped(query: Mapping[str, str], name: str, value: Any) -> str:
    """Returns the query of an address with one value replaced, or left out if it is empty."""
    kept = {key: text for key, text in query.items() if key != name}
    if value not in (None, ""):
        kept[name] = str(value)
    return f"?{urlencode(kept)}"


def below(uri: str, root: Path) -> str:
    """Returns a URI relative to the root if it is under it."""
    return uri.removeprefix(f"{root}/")


def leaf(uri: str) -> str:
    """Returns the last part of a URI."""
    return uri.rstrip("/").rpartition("/")[2]


def tone(verdict: str) -> str:
    """Returns how good a verdict in words is: `good` or `bad`."""
    return "bad" if verdict.startswith(_BAD_WORDS) else "good"


def told_first(metrics: Sequence[Metric]) -> list[Metric]:
    """Returns metrics with counts of rows after the others."""
    return sorted(metrics, key=lambda metric: metric.name.endswith("count"))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "below": below,
    "bytes": size,
    "leaf": leaf,
    "measured": measured,
    "stepped": stepped,
    "told_first": told_first,
    "tone": tone,
}
"""By the name that templates know."""

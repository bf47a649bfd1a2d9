"""Measures how much the answers of two models differ, per output, in one pass over the rows."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headrace_components.library.data.number_types import is_float


@dataclass(kw_only=True, slots=True)
class _Spread:
    """Mean and standard deviation of numbers that come in parts.

    Source: T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances", 1979. With sums of squares alone, equal numbers would get a deviation of
    1e-8.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, values: Any) -> None:
        """Adds a part, an array of floats; only finite ones count."""
        finite = values[np.isfinite(values)]
        if not finite.size:
            return
        mean = float(finite.mean())
        count = self.count + finite.size
        change = mean - self.mean
        self.squares += float(((finite - mean) ** 2).sum())
        self.squares += change * change * self.count * finite.size / count
        self.mean += change * finite.size / count
        self.count = count

    @property
    def deviation(self) -> float:
        """The standard deviation."""
        return math.sqrt(self.squares / self.count) if self.count else 0.0


@dataclass(kw_only=True, slots=True)
class Difference:
    """The difference between the answers of one output.

    Attributes:
        num_rows: Rows compared.
        is_float: Whether it is an output of floats, which have a meaningful distance.
        has_places: Whether rows have several values, so that the place of the largest one may
            matter.
    """

    num_rows: int = 0
    is_float: bool = False
    has_places: bool = False
    _count: int = 0
    _sum: float = 0.0
    _squares: float = 0.0
    _max: float = 0.0
    _agreeing: int = 0
    _spread: _Spread = field(default_factory=_Spread)

    def add(self, expected: Any, actual: Any) -> None:
        """Adds the answers to some rows.

        Args:
            expected: The SavedModel's answers, shape `(rows, ...)`.
            actual: The TF Lite model's answers, same shape.
        """
        self.num_rows += len(expected)
        self.is_float = is_float(expected.dtype)
        self.has_places = self.is_float and expected.ndim > 1 and expected.shape[-1] > 1
        if not self.is_float:
            self._agreeing += _equal_rows(expected == actual)
            return
        if self.has_places:
            self._agreeing += _equal_rows(expected.argmax(-1) == actual.argmax(-1))
        distance = _distance(expected.astype(np.float64), actual.astype(np.float64))
        self._count += distance.size
        self._sum += float(distance.sum())
        self._squares += float((distance**2).sum())
        self._max = max(self._max, float(distance.max(initial=0.0)))
        self._spread.add(expected.astype(np.float64))

    @property
    def mean(self) -> float | None:
        """Mean of the absolute differences, in the unit of the output; None without floats."""
        return self._sum / self._count if self._count else None

    @property
    def largest(self) -> float | None:
        """The largest absolute difference, in the unit of the output; None without floats."""
        return self._max if self._count else None

    @property
    def relative(self) -> float | None:
        """Root mean square of the differences, in standard deviations of the expected values.

        If all expected values are the same number, it is in units of that number. None if there are
        no floats.
        """
        if not self._count:
            return None
        scale = self._spread.deviation or abs(self._spread.mean) or 1.0
        return math.sqrt(self._squares / self._count) / scale

    @property
    def agreement(self) -> float | None:
        """Share of rows with the largest value at the same place; without floats, of equal values.

        None if rows have one float, because the largest value is then always at the same place.
        """
        if self.is_float and not self.has_places:
            return None
        return self._agreeing / self.num_rows if self.num_rows else None


def _equal_rows(equal: Any) -> int:
    return int(equal.reshape(len(equal), -1).all(axis=1).sum())


def _distance(expected: Any, actual: Any) -> Any:
    """Returns absolute differences; infinite if only one of the two is NaN or infinite."""
    same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    with np.errstate(invalid="ignore"):
        distance = np.where(same, 0.0, np.abs(expected - actual))
    return np.where(np.isnan(distance), np.inf, distance)

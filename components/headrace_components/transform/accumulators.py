"""Collects the values of one analyzer over the batches of a pass."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from tensorflow_transform import analyzer_nodes

from headrace_components.transform import vocabularies


class Accumulator(Protocol):
    """Computes a result from one batch after the other."""

    def add(self, batch: Any) -> None:
        """Adds the arrays of a batch."""

    def result(self) -> list[Any]:
        """Returns the result of the TFT operation over all batches."""


def accumulator_for(operation: Any) -> Accumulator | None:
    """Returns a new accumulator for an operation that reads batches; None for other operations."""
    if isinstance(operation, analyzer_nodes.CacheableCombineAccumulate):
        return _Combine(operation.combiner)
    if isinstance(operation, analyzer_nodes.PackedCombineAccumulate):
        return _Packed(operation.combiners)
    if isinstance(operation, analyzer_nodes.CacheableCombinePerKeyAccumulate):
        return _CombinePerKey(operation.combiner)
    if isinstance(operation, analyzer_nodes.VocabularyAccumulate):
        is_counted = vocabularies.is_counted(operation)
        return _Tokens() if is_counted else None
    return None


class _Combine:
    def __init__(self, combiner: Any) -> None:
        self._combiner = combiner
        self._state = combiner.create_accumulator()

    def add(self, batch: Sequence[Any]) -> None:
        self._state = self._combiner.add_input(self._state, batch)

    def result(self) -> list[Any]:
        return [self._combiner.compact(self._state)]


class _Packed:
    """Combiners that TFT runs as one; the batch is a dict with an entry for each combiner."""

    def __init__(self, wrappers: Sequence[Any]) -> None:
        self._parts = [
            (wrapper.label, wrapper.keys, _Combine(wrapper.combiner)) for wrapper in wrappers
        ]

    def add(self, batch: Any) -> None:
        for _, keys, part in self._parts:
            part.add(tuple(batch[key] for key in keys))

    def result(self) -> list[Any]:
        return [{label: part.result()[0] for label, _, part in self._parts}]


class _CombinePerKey:
    """One accumulator per key; the first array of a batch has the key of each row."""

    def __init__(self, combiner: Any) -> None:
        self._combiner = combiner
        self._states: dict[Any, Any] = {}

    def add(self, batch: Sequence[Any]) -> None:
        keys, *columns = batch
        for key, *row in zip(keys, *columns, strict=True):
            state = self._states.get(key)
            if state is None:
                state = self._combiner.create_accumulator()
            self._states[key] = self._combiner.add_input(state, row)

    def result(self) -> list[Any]:
        return [(key, self._combiner.compact(state)) for key, state in self._states.items()]


class _Tokens:
    """Counts tokens, or adds up their weights."""

    def __init__(self) -> None:
        self._totals: Counter[Any] = Counter()

    def add(self, batch: Sequence[Any]) -> None:
        if len(batch) == 1:
            self._totals.update(batch[0].tolist())
            return
        tokens, weights = batch
        for token, weight in zip(tokens.tolist(), weights.tolist(), strict=True):
            self._totals[token] += weight

    def result(self) -> list[Any]:
        return list(self._totals.items())

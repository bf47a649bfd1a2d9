"""Loads the function that chooses rows, and checks its results."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace_components.contract.errors import InputError
from headrace_components.filter_examples.params import FilterExamplesParams
from headrace_components.library.user_code import user_module

RECORDS = "filter_fn"
BATCHES = "filter_batch_fn"

Mask = NDArray[np.bool_]
"""For each of some rows whether it is kept, shape `(num_rows,)`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Predicate:
    """The user's function.

    Attributes:
        component: Name of the component, for the log.
        kind: `RECORDS` if it takes one record, `BATCHES` if it takes a record batch.
        function: The function itself.
    """

    component: str
    kind: str
    function: Callable[[Any], Any]

    def kept(
        self, batch: pa.RecordBatch | None, records: Sequence[bytes]
    ) -> tuple[pa.RecordBatch | None, list[bytes]]:
        """Returns the kept rows, in both forms.

        Args:
            batch: The rows as list columns; None if they have no such form; a function of the kind
                `RECORDS` does not need it.
            records: The same rows, serialized.

        Raises:
            InputError: The function raised, or did not return one truth value for each row.
        """
        mask = self.of_batch(batch) if self.kind == BATCHES else self.of_records(records)
        kept = [records[row] for row in np.flatnonzero(mask).tolist()]
        return None if batch is None else batch.filter(pa.array(mask)), kept

    def of_records(self, records: Sequence[bytes]) -> Mask:
        """Returns the answer of a function of the kind `RECORDS` for each record.

        Raises:
            InputError: The function raised, or returned something else than a truth value.
        """

        @functools.wraps(self.function)  # errors name the user's function, not this one
        def answers() -> list[Any]:
            return [self.function(record) for record in records]

        found = user_module.call_user_function(self.component, answers)
        for answer in found:
            if not isinstance(answer, (bool, np.bool_)):
                raise InputError(
                    f"{RECORDS} returned {answer!r}, expected True or False. "
                    "Return whether to keep the record."
                )
        return np.array(found, bool)

    def of_batch(self, batch: pa.RecordBatch) -> Mask:
        """Returns the answer of a function of the kind `BATCHES` for each row.

        Raises:
            InputError: The function raised, or did not return one truth value for each row.
        """
        answer = user_module.call_user_function(self.component, self.function, batch)
        values = answer.combine_chunks() if isinstance(answer, pa.ChunkedArray) else answer
        try:
            mask = values if isinstance(values, pa.Array) else pa.array(values)
        except (TypeError, ValueError, pa.ArrowException) as error:
            raise self._no_mask(f"{type(answer).__name__}", batch) from error
        if len(mask) != batch.num_rows or not pa.types.is_boolean(mask.type):
            raise self._no_mask(f"{len(mask)} values of type {mask.type}", batch)
        if mask.null_count:
            raise self._no_mask(f"{mask.null_count} nulls", batch)
        result: Mask = mask.to_numpy(zero_copy_only=False)
        return result

    def _no_mask(self, got: str, batch: pa.RecordBatch) -> InputError:
        return InputError(
            f"{BATCHES} returned {got} for {batch.num_rows} rows, expected one "
            "truth value for each. Return a boolean array; pyarrow.compute.fill_null says what a "
            "missing value means."
        )


def load(params: FilterExamplesParams, component: str) -> Predicate:
    """Loads the module file, or the function that the dotted path names.

    Raises:
        InputError: The module cannot be loaded, or defines neither or both of the two functions.
    """
    if not params.module_file:
        kind = RECORDS if params.filter_fn else BATCHES
        dotted = params.filter_fn or params.filter_batch_fn
        function = user_module.load_function(component, "", kind, dotted)
        return Predicate(component=component, kind=kind, function=function)
    module = user_module.load_module(component, params.module_file)
    defined = [kind for kind in (RECORDS, BATCHES) if callable(getattr(module, kind, None))]
    if len(defined) != 1:
        raise InputError(
            f"the module file defines {' and '.join(defined) or 'neither function'}, "
            f"expected either {RECORDS}(serialized) or {BATCHES}(batch). Define one of them."
        )
    return Predicate(component=component, kind=defined[0], function=getattr(module, defined[0]))

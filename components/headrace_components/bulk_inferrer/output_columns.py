"""Adds the outputs of signatures to examples, as columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from headrace_components.bulk_inferrer.params import OutputColumns
from headrace_components.contract.errors import InputError
from headrace_components.library.data.number_types import is_float, is_number
from headrace_components.library.models import saved_model

FILE_PREFIX = "examples"

_METHODS = {
    "classify": saved_model.CLASSIFY,
    "regress": saved_model.REGRESS,
    "predict": saved_model.PREDICT,
}


def by_signature(
    specs: Sequence[OutputColumns], signatures: Mapping[str, Any]
) -> dict[str, OutputColumns]:
    """Returns the columns that each signature fills.

    Args:
        specs: The columns that the author asked for.
        signatures: A `SignatureDef` by name.

    Raises:
        InputError: A spec names a signature that is not called, a signature of another method, or
            an output that the signature does not have.
    """
    found = {}
    for spec in specs:
        only = next(iter(signatures)) if len(signatures) == 1 else saved_model.DEFAULT_SIGNATURE
        name = spec.signature or only
        if name not in signatures or name in found:
            problem = "twice" if name in found else "which is not called"
            raise InputError(
                f"`output_columns_spec` names signature {name!r} {problem}; called "
                f"are {list(signatures)}. Name each of those once, in `signature_name`."
            )
        _check(name, spec, signatures[name])
        found[name] = spec
    missing = [name for name in signatures if name not in found]
    if missing:
        raise InputError(
            f"`output_columns_spec` names no columns for the signatures {missing}, "
            "which `model_spec` has called. Add an item for each, or leave the signature out."
        )
    return found


def _check(name: str, spec: OutputColumns, signature: Any) -> None:
    if signature.method_name != _METHODS[spec.kind]:
        method = signature.method_name.rpartition("/")[2]
        raise InputError(
            f"`output_columns_spec` has `{spec.kind}_output` for signature "
            f"{name!r}, which is one to {method}. Pass `{method}_output`."
        )
    unknown = sorted({key for key, _ in spec.columns} - set(signature.outputs))
    if unknown:
        raise InputError(
            f"`output_columns_spec` names the outputs {unknown} of signature "
            f"{name!r}, which has {sorted(signature.outputs)}. Name one of those."
        )


def added(
    batch: pa.RecordBatch,
    specs: Mapping[str, OutputColumns],
    outputs: Mapping[str, Mapping[str, Any]],
) -> pa.RecordBatch:
    """Returns `batch` with a list column per output that is asked for.

    Args:
        batch: Rows as list columns.
        specs: Columns by signature.
        outputs: By signature, arrays of shape `(rows, ...)` by output.

    Raises:
        InputError: A column exists already, or an output is more than a vector per row, or has
            values that a feature cannot contain.
    """
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name, spec in specs.items():
        for key, column in spec.columns:
            if column in columns:
                raise InputError(
                    f"`output_columns_spec` names the column {column!r}, which the "
                    f"examples have already. Choose a name other than {sorted(columns)}."
                )
            columns[column] = _list_column(name, key, outputs[name][key])
    names = sorted(columns)
    return pa.RecordBatch.from_arrays([columns[name] for name in names], names)


def _list_column(name: str, key: str, array: Any) -> pa.Array:
    lengths = [size for size in array.shape[1:] if size != 1]
    if len(lengths) > 1:
        raise InputError(
            f"output {key!r} of signature {name!r} has shape {array.shape[1:]} per "
            "row, expected a number, a string or a vector of them, which a feature can hold. "
            "Choose another output, or have prediction logs."
        )
    values = array.reshape(-1)
    width = lengths[0] if lengths else 1
    offsets = np.arange(len(array) + 1, dtype=np.int64) * width
    return pa.LargeListArray.from_arrays(pa.array(offsets), _flat(values, f"{key!r} of {name!r}"))


def _flat(values: Any, output: str) -> pa.Array:
    kind = values.dtype
    if kind.kind in "OSU":
        return pa.array(values.tolist(), pa.large_binary())
    if is_float(kind):
        return pa.array(values.astype(np.float32))
    if not is_number(kind):
        raise InputError(
            f"output {output} is of type {kind.name}, expected floats, integers, "
            "booleans or strings, which a feature can hold. Choose another output, or have "
            "prediction logs."
        )
    numbers = values.astype(np.int64)
    if kind.kind == "u" and (numbers < 0).any():
        raise InputError(
            f"output {output} is {values.max()} in a row, expected integers up to "
            f"{np.iinfo(np.int64).max}, which a feature can hold. Choose another output, or have "
            "prediction logs."
        )
    return pa.array(numbers)

"""JSON of TensorFlow Serving's REST API, and tensors.

https://www.tensorflow.org/tfx/serving/api_rest describes it. Bytes are `{"b64": "..."}`; other
strings are UTF-8. Outputs whose names end in `_bytes` are answered as base64, too.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.example import example_pb2

from headrace_components.infra_validator.servable import UnanswerableError

_B64 = "b64"
_BYTES_SUFFIX = "_bytes"


def inputs_of(body: Mapping[str, Any], signature: Any) -> tuple[dict[str, Any], bool]:
    """Returns the input arrays of a `:predict` request, and whether its rows came one by one.

    Args:
        body: The request, with `instances` (rows) or `inputs` (columns).
        signature: The `SignatureDef` that answers it.

    Raises:
        UnanswerableError: The body does not fit the signature.
    """
    given = [key for key in ("instances", "inputs") if key in body]
    if len(given) != 1:
        raise UnanswerableError(
            f"the request has {given or sorted(body)}, expected either `instances` or `inputs`"
        )
    kinds = {name: info.dtype for name, info in signature.inputs.items()}
    if given == ["inputs"]:
        columns = body["inputs"]
        if not _is_named(columns):
            columns = {_only(kinds): columns}
        return _arrays(columns, kinds), False
    rows = body["instances"]
    if not isinstance(rows, list) or not rows:
        raise UnanswerableError("`instances` is expected to be a list with a value for each row")
    if not all(_is_named(row) == _is_named(rows[0]) for row in rows):
        raise UnanswerableError("`instances` has rows with names of inputs and rows without")
    if not _is_named(rows[0]):
        return _arrays({_only(kinds): rows}, kinds), True
    names = {tuple(sorted(row)) for row in rows}
    if len(names) != 1:
        raise UnanswerableError(f"`instances` has rows with different inputs: {sorted(names)}")
    return _arrays({name: [row[name] for row in rows] for name in rows[0]}, kinds), True


def outputs_as_json(outputs: Mapping[str, Any], *, by_row: bool) -> dict[str, Any]:
    """Returns the answer to a `:predict` request.

    Args:
        outputs: Arrays by name.
        by_row: Whether the answer has a value for each row of the request.

    Raises:
        UnanswerableError: An output has no rows.
    """
    lists = {name: _as_json(name, value) for name, value in sorted(outputs.items())}
    if not by_row:
        return {"outputs": next(iter(lists.values())) if len(lists) == 1 else lists}
    lengths = {len(value) if isinstance(value, list) else None for value in lists.values()}
    if None in lengths or len(lengths) > 1:
        raise UnanswerableError(
            "the outputs do not have a value for each row. Ask with `inputs` in place of "
            "`instances`"
        )
    if len(lists) == 1:
        return {"predictions": next(iter(lists.values()))}
    rows = zip(*lists.values(), strict=True)
    return {"predictions": [dict(zip(lists, row, strict=True)) for row in rows]}


def fill_examples(body: Mapping[str, Any], message: Any) -> None:
    """Fills the `Input` message of a `:classify` or `:regress` request.

    Raises:
        UnanswerableError: The body has no examples, or a feature of no known kind.
    """
    examples = body.get("examples")
    if not isinstance(examples, list) or not examples:
        raise UnanswerableError("`examples` is expected to be a list of objects with features")
    filled = [_example(each) for each in examples]
    if "context" in body:
        message.example_list_with_context.context.CopyFrom(_example(body["context"]))
        message.example_list_with_context.examples.extend(filled)
    else:
        message.example_list.examples.extend(filled)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and set(value) != {_B64}


def _only(kinds: Mapping[str, int]) -> str:
    if len(kinds) != 1:
        raise UnanswerableError(
            f"the signature has the inputs {sorted(kinds)}, so the request has to name them"
        )
    return next(iter(kinds))


def _arrays(columns: Mapping[str, Any], kinds: Mapping[str, int]) -> dict[str, Any]:
    if set(columns) != set(kinds):
        raise UnanswerableError(
            f"the request has the inputs {sorted(columns)}, but the signature takes {sorted(kinds)}"
        )
    return {name: _array(name, value, kinds[name]) for name, value in columns.items()}


def _array(name: str, value: Any, kind: int) -> Any:
    dtype = tf.as_dtype(kind)
    try:
        if dtype == tf.string:
            return np.array(_decoded(value), dtype=object)
        found = np.array(value)
        if found.dtype.kind not in "biuf":
            raise ValueError("it has values that are not numbers, or rows of different lengths")
        if dtype.is_integer and found.dtype.kind == "f":
            raise ValueError("it has numbers with a decimal point")
        if (dtype == tf.bool) != (found.dtype.kind == "b"):
            raise ValueError("only an input of booleans takes true and false, and nothing else")
        return found.astype(dtype.as_numpy_dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise UnanswerableError(f"input {name!r} is no tensor of {dtype.name}: {error}") from error


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(each) for each in value]
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and set(value) == {_B64} and isinstance(value[_B64], str):
        try:
            return base64.b64decode(value[_B64], validate=True)
        except binascii.Error as error:
            raise ValueError(f"its base64 cannot be decoded ({error})") from error
    raise ValueError(f"{value!r} is neither a string nor an object with `b64`")


def _as_json(name: str, value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind not in "OSU":
        return array.tolist()
    is_binary = name.endswith(_BYTES_SUFFIX)
    return _text(array.tolist(), is_binary=is_binary)


def _text(value: Any, *, is_binary: bool) -> Any:
    if isinstance(value, list):
        return [_text(each, is_binary=is_binary) for each in value]
    if is_binary:
        return {_B64: base64.b64encode(value).decode()}
    return value.decode("utf-8", "replace")


def _example(given: Any) -> example_pb2.Example:
    if not isinstance(given, dict):
        raise UnanswerableError(f"an example is {given!r}, expected an object with its features")
    example = example_pb2.Example()
    for name, value in given.items():
        _fill(example.features.feature[name], name, value if isinstance(value, list) else [value])
    return example


def _fill(feature: Any, name: str, values: Sequence[Any]) -> None:
    if all(isinstance(each, int) and not isinstance(each, bool) for each in values):
        feature.int64_list.value.extend(values)
    elif all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
        feature.float_list.value.extend(values)
    else:
        try:
            feature.bytes_list.value.extend(_decoded(list(values)))
        except (ValueError, TypeError) as error:
            raise UnanswerableError(f"feature {name!r}: {error}") from error

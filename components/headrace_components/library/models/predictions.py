"""Makes classifications and regressions from a signature's outputs, like TensorFlow Serving.

Source: `tensorflow_serving/servables/tensorflow/{classifier,regressor}.cc`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow_serving.apis import classification_pb2, regression_pb2

from headrace_components.contract.errors import InputError
from headrace_components.library.data.number_types import is_number


def classifications(name: str, outputs: Mapping[str, Any], num_rows: int) -> list[Any]:
    """Returns a `Classifications` message per row.

    Args:
        name: Name of the signature.
        outputs: `classes` (bytes), `scores` (numbers) or both, of shape `(num_rows, classes)`.
        num_rows: Number of input rows.

    Raises:
        InputError: The outputs are others.
    """
    labels, scores = outputs.get("classes"), _as_floats(name, outputs, "scores")
    given = [array for array in (labels, scores) if array is not None]
    shapes = {array.shape for array in given}
    if len(shapes) != 1 or any(len(s) != 2 or s[0] != num_rows for s in shapes):
        raise InputError(
            f"classify signature {name!r} answered {num_rows} rows with "
            f"{_shapes(outputs)}, expected `classes`, `scores` or both, of shape "
            f"({num_rows}, number of classes). Save the model with such a signature."
        )
    messages = []
    for row in range(num_rows):
        message = classification_pb2.Classifications()
        for column in range(given[0].shape[1]):
            message.classes.add(
                label=None if labels is None else labels[row, column],
                score=None if scores is None else scores[row, column],
            )
        messages.append(message)
    return messages


def regressions(name: str, outputs: Mapping[str, Any], num_rows: int) -> list[Any]:
    """Returns a `Regression` message per row.

    Args:
        name: Name of the signature.
        outputs: `outputs` of shape `(num_rows,)` or `(num_rows, 1)`.
        num_rows: Number of input rows.

    Raises:
        InputError: The outputs are others.
    """
    values = _as_floats(name, outputs, "outputs")
    if values is None or values.shape not in ((num_rows,), (num_rows, 1)):
        raise InputError(
            f"regress signature {name!r} answered {num_rows} rows with "
            f"{_shapes(outputs)}, expected `outputs` of shape ({num_rows},). Save the model with "
            "such a signature."
        )
    return [regression_pb2.Regression(value=value) for value in np.ravel(values)]


def _as_floats(name: str, outputs: Mapping[str, Any], key: str) -> Any:
    array = outputs.get(key)
    if array is None:
        return None
    if not is_number(array.dtype):
        raise InputError(
            f"output {key!r} of signature {name!r} is of type {array.dtype.name}, "
            "expected numbers. Save the model with such a signature."
        )
    return array.astype(np.float32)


def _shapes(outputs: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(array.shape) for name, array in sorted(outputs.items())}

"""Builds prediction logs: the input and the output of a signature, one message per row.

The messages (`tensorflow_serving/apis/prediction_log.proto`) are the same as in tfx_bsl's
RunInference, which TFX's BulkInferrer calls.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import prediction_log_pb2

from headrace_components.contract.errors import InputError
from headrace_components.library.models import saved_model
from headrace_components.library.models.predictions import classifications, regressions

FILE_PREFIX = "prediction_logs"

# The field in which a TensorProto stores the value of a tensor with a single value.
_SINGLE_VALUES = {
    "float32": "float_val",
    "float64": "double_val",
    "int32": "int_val",
    "int64": "int64_val",
    "bool": "bool_val",
}

SignatureOutputs = Mapping[str, Mapping[str, Any]]


def build(
    signatures: Mapping[str, Any],
    records: Sequence[bytes],
    outputs: SignatureOutputs,
) -> list[bytes]:
    """Returns a serialized `PredictionLog` per row.

    Args:
        signatures: A `SignatureDef` by name: one, or several that classify or regress.
        records: The rows, serialized.
        outputs: By signature, arrays of shape `(len(records), ...)` by output.

    Raises:
        InputError: Outputs do not fit their signature's method, or rows are not tf.Examples.
    """
    if len(signatures) == 1:
        ((name, signature),) = signatures.items()
        if signature.method_name == saved_model.PREDICT:
            key = next(iter(signature.inputs))
            return _predict_logs(name, key, records, outputs[name])
    results = {
        name: _results(name, signature, outputs[name], len(records))
        for name, signature in signatures.items()
    }
    build_row = _one_result if len(signatures) == 1 else _several_results
    return [
        build_row(_parsed(record), signatures, {n: r[row] for n, r in results.items()})
        for row, record in enumerate(records)
    ]


def _predict_logs(
    name: str, key: str, records: Sequence[bytes], outputs: Mapping[str, Any]
) -> list[bytes]:
    log = prediction_log_pb2.PredictionLog()
    request, response = log.predict_log.request, log.predict_log.response
    request.model_spec.signature_name = response.model_spec.signature_name = name
    tensor = request.inputs[key]
    tensor.dtype = tf.string.as_datatype_enum
    tensor.tensor_shape.dim.add().size = 1
    tensor.string_val.append(b"")
    columns = []
    for output, array in sorted(outputs.items()):
        target = response.outputs[output]
        target.dtype = tf.as_dtype(array.dtype).as_datatype_enum
        for size in (1, *array.shape[1:]):
            target.tensor_shape.dim.add().size = size
        columns.append((target, *_values(array)))
    serialized = []
    # One message for all rows: making one costs more than changing its values.
    for row, record in enumerate(records):
        tensor.string_val[0] = record
        for target, field, values in columns:
            if field == "tensor_content":
                target.tensor_content = values[row]
            else:
                del getattr(target, field)[:]
                getattr(target, field).extend(values[row])
        serialized.append(log.SerializeToString(deterministic=True))
    return serialized


def _values(array: Any) -> tuple[str, Sequence[Any]]:
    """Returns the field of TensorProto for a row's values, and the values by row."""
    rows = array.reshape(len(array), -1)
    if array.dtype == np.object_:
        return "string_val", rows.tolist()
    if rows.shape[1] == 1 and array.dtype.name in _SINGLE_VALUES:
        return _SINGLE_VALUES[array.dtype.name], rows.tolist()
    return "tensor_content", [row.tobytes() for row in rows]


def _results(name: str, signature: Any, outputs: Mapping[str, Any], num_rows: int) -> list[Any]:
    method = classifications if signature.method_name == saved_model.CLASSIFY else regressions
    return method(name, outputs, num_rows)


def _one_result(
    example: example_pb2.Example, signatures: Mapping[str, Any], results: Mapping[str, Any]
) -> bytes:
    ((name, signature),) = signatures.items()
    log = prediction_log_pb2.PredictionLog()
    if signature.method_name == saved_model.CLASSIFY:
        log.classify_log.request.input.example_list.examples.append(example)
        log.classify_log.response.result.classifications.append(results[name])
    else:
        log.regress_log.request.input.example_list.examples.append(example)
        log.regress_log.response.result.regressions.append(results[name])
    serialized: bytes = log.SerializeToString(deterministic=True)
    return serialized


def _several_results(
    example: example_pb2.Example, signatures: Mapping[str, Any], results: Mapping[str, Any]
) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    inference = log.multi_inference_log
    inference.request.input.example_list.examples.append(example)
    for name, signature in signatures.items():
        result = inference.response.results.add()
        result.model_spec.signature_name = name
        if signature.method_name == saved_model.CLASSIFY:
            result.classification_result.classifications.append(results[name])
        else:
            result.regression_result.regressions.append(results[name])
    serialized: bytes = log.SerializeToString(deterministic=True)
    return serialized


def _parsed(record: bytes) -> example_pb2.Example:
    try:
        return example_pb2.Example.FromString(record)
    except DecodeError as error:
        raise InputError(
            f"a row of `examples` is not a tf.Example ({error}), which a signature "
            "that classifies or regresses takes. Connect examples whose payload format is "
            "FORMAT_TF_EXAMPLE."
        ) from error

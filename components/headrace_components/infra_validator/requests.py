"""Builds requests to a model server from examples."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
)

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact
from headrace_components.infra_validator.params import InfraValidatorParams
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.models import saved_model

_COMPONENT = "infra_validator"


def build(model: Path, examples: Artifact, params: InfraValidatorParams) -> list[Any]:
    """Returns a request per signature and row.

    Args:
        model: Directory of the SavedModel.
        examples: Where the rows come from.
        params: The signatures, the split and the number of rows.

    Raises:
        InputError: The model does not have this signature, or the examples do not have these rows.
    """
    signatures = saved_model.read_signatures(model, params.tags, params.signatures)
    records = _records(examples, params)
    return [
        request
        for name, signature in signatures.items()
        for request in _requests(params.model_name, name, signature, records)
    ]


def _records(examples: Artifact, params: InfraValidatorParams) -> list[bytes]:
    reader = ExamplesReader(examples.path, _COMPONENT)
    recorded = json.loads(examples.metadata.get("split_names") or "[]")
    split = params.split_name or (recorded or reader.split_names)[0]
    for records in reader.serialized(split, batch_size=params.num_examples):
        return records
    raise InputError(
        f"split {split!r} of {examples.path} holds no rows, expected "
        f"{params.num_examples} to ask about. Name another of {list(reader.split_names)} in "
        "`split_name`."
    )


def _requests(
    model_name: str, name: str, signature: Any, records: Sequence[bytes]
) -> Iterator[Any]:
    if signature.method_name == saved_model.PREDICT:
        key = saved_model.records_input(name, signature)
        for record in records:
            request = predict_pb2.PredictRequest()
            request.inputs[key].CopyFrom(tf.make_tensor_proto([record]))
            yield _addressed(request, model_name, name)
        return
    kinds = {
        saved_model.CLASSIFY: classification_pb2.ClassificationRequest,
        saved_model.REGRESS: regression_pb2.RegressionRequest,
    }
    if signature.method_name not in kinds:
        raise InputError(
            f"signature {name!r} has the method {signature.method_name!r}, "
            f"expected one of {[saved_model.PREDICT, *kinds]}. Name another in `signature_names`."
        )
    for record in records:
        request = kinds[signature.method_name]()
        request.input.example_list.examples.append(_parsed(record))
        yield _addressed(request, model_name, name)


def _addressed(request: Any, model_name: str, signature: str) -> Any:
    request.model_spec.name = model_name
    request.model_spec.signature_name = signature
    return request


def _parsed(record: bytes) -> example_pb2.Example:
    try:
        return example_pb2.Example.FromString(record)
    except DecodeError as error:
        raise InputError(
            f"a row of `examples` is not a tf.Example ({error}), which a "
            "signature that classifies or regresses takes. Connect examples whose payload format "
            "is FORMAT_TF_EXAMPLE."
        ) from error


def as_log(request: Any) -> bytes:
    """Returns a request as a serialized `PredictionLog`, the format of warm-up files."""
    log = prediction_log_pb2.PredictionLog()
    if isinstance(request, predict_pb2.PredictRequest):
        log.predict_log.request.CopyFrom(request)
    elif isinstance(request, classification_pb2.ClassificationRequest):
        log.classify_log.request.CopyFrom(request)
    else:
        log.regress_log.request.CopyFrom(request)
    serialized: bytes = log.SerializeToString(deterministic=True)
    return serialized

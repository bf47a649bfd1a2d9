"""Answers TensorFlow Serving's requests from a SavedModel in this process."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)

from headrace_components.library.models import saved_model
from headrace_components.library.models.predictions import classifications, regressions

_COMPONENT = "infra_validator"


class UnanswerableError(Exception):
    """A request that the model cannot answer."""


class Servable:
    """One version of a model.

    Args:
        name: Name of the model, for responses.
        folder: Directory of the SavedModel, named by its version.

    Raises:
        InputError: TensorFlow cannot load it.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._version = int(folder.name)
        self._signatures = saved_model.all_signatures(folder)
        self._model = saved_model.LoadedModel(_COMPONENT, folder)

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """Answers a PredictRequest."""
        name = _signature_name(request.model_spec)
        inputs = {key: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()}
        outputs = self.outputs(name, inputs)
        unknown = sorted(set(request.output_filter) - set(outputs))
        if unknown:
            raise UnanswerableError(
                f"signature {name!r} has no outputs {unknown}, but {sorted(outputs)}"
            )
        response = predict_pb2.PredictResponse()
        self._fill(response.model_spec, name)
        for key in request.output_filter or outputs:
            response.outputs[key].CopyFrom(tf.make_tensor_proto(outputs[key]))
        return response

    def outputs(self, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the outputs of a signature for arrays, by name.

        Raises:
            UnanswerableError: The signature takes other inputs.
            InputError: The model failed on them.
        """
        signature = self.signature(name)
        if set(inputs) != set(signature.inputs):
            raise UnanswerableError(
                f"the request has the inputs {sorted(inputs)}, but signature {name!r} takes "
                f"{sorted(signature.inputs)}"
            )
        return self._model.answer(name, inputs)

    def classify(
        self, request: classification_pb2.ClassificationRequest
    ) -> classification_pb2.ClassificationResponse:
        """Answers a ClassificationRequest."""
        response = classification_pb2.ClassificationResponse()
        name = _signature_name(request.model_spec)
        self._fill(response.model_spec, name)
        response.result.classifications.extend(self._classified(name, request.input))
        return response

    def regress(
        self, request: regression_pb2.RegressionRequest
    ) -> regression_pb2.RegressionResponse:
        """Answers a RegressionRequest."""
        response = regression_pb2.RegressionResponse()
        name = _signature_name(request.model_spec)
        self._fill(response.model_spec, name)
        response.result.regressions.extend(self._regressed(name, request.input))
        return response

    def multi_inference(
        self, request: inference_pb2.MultiInferenceRequest
    ) -> inference_pb2.MultiInferenceResponse:
        """Answers a MultiInferenceRequest."""
        response = inference_pb2.MultiInferenceResponse()
        for task in request.tasks:
            name = _signature_name(task.model_spec)
            result = response.results.add()
            self._fill(result.model_spec, name)
            if task.method_name == saved_model.CLASSIFY:
                classified = self._classified(name, request.input)
                result.classification_result.classifications.extend(classified)
            elif task.method_name == saved_model.REGRESS:
                regressed = self._regressed(name, request.input)
                result.regression_result.regressions.extend(regressed)
            else:
                raise UnanswerableError(f"a task has the method {task.method_name!r}")
        return response

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Answers a GetModelMetadataRequest, which may ask for `signature_def`."""
        if list(request.metadata_field) != ["signature_def"]:
            raise UnanswerableError(
                f"metadata_field is {list(request.metadata_field)}, expected ['signature_def']"
            )
        definitions = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in self._signatures.items():
            definitions.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        self._fill(response.model_spec, "")
        response.metadata["signature_def"].Pack(definitions)
        return response

    def _classified(self, name: str, given: Any) -> Sequence[Any]:
        outputs, num_rows = self._examples_answer(name, given, saved_model.CLASSIFY)
        return classifications(name, outputs, num_rows)

    def _regressed(self, name: str, given: Any) -> Sequence[Any]:
        outputs, num_rows = self._examples_answer(name, given, saved_model.REGRESS)
        return regressions(name, outputs, num_rows)

    def _examples_answer(self, name: str, given: Any, method: str) -> tuple[Mapping[str, Any], int]:
        signature = self.signature(name)
        if signature.method_name != method:
            raise UnanswerableError(
                f"signature {name!r} has the method {signature.method_name!r}, not {method!r}"
            )
        records = _records(given)
        key = saved_model.records_input(name, signature)
        return self._model.answer(name, {key: records}), len(records)

    def signature(self, name: str) -> Any:
        """Returns the `SignatureDef` of this name.

        Raises:
            UnanswerableError: The model has no such signature.
        """
        if name not in self._signatures:
            raise UnanswerableError(
                f"there is no signature {name!r}, but {sorted(self._signatures)}"
            )
        return self._signatures[name]

    def _fill(self, model_spec: Any, signature: str) -> None:
        model_spec.name = self._name
        model_spec.version.value = self._version
        model_spec.signature_name = signature


def _signature_name(model_spec: Any) -> str:
    return model_spec.signature_name or saved_model.DEFAULT_SIGNATURE


def _records(given: Any) -> list[bytes]:
    """Returns the serialized examples of an `Input` message."""
    if given.WhichOneof("kind") == "example_list_with_context":
        with_context = given.example_list_with_context
        examples = [_merged(with_context.context, each) for each in with_context.examples]
    else:
        examples = list(given.example_list.examples)
    if not examples:
        raise UnanswerableError("the request has no examples")
    return [example.SerializeToString() for example in examples]


def _merged(context: example_pb2.Example, example: example_pb2.Example) -> example_pb2.Example:
    merged = example_pb2.Example()
    merged.CopyFrom(context)
    merged.MergeFrom(example)
    return merged

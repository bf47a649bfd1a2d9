"""A SavedModel as bulk_inferrer calls it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace_components.bulk_inferrer import prediction_logs
from headrace_components.bulk_inferrer.params import BulkInferrerParams
from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact
from headrace_components.library.models import saved_model
from headrace_components.library.models.saved_model import LoadedModel

# Large enough that a call's fixed cost does not show, small enough for wide outputs.
BATCH_ROWS = 4096

_COMPONENT = "bulk_inferrer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Called:
    """The model and the signatures to call, before the model is loaded.

    Attributes:
        folder: Directory of the SavedModel.
        tags: Tags of the graph; empty means `["serve"]`.
        signatures: A `SignatureDef` by name, in the order asked for.
        inputs: By signature, the input that takes serialized examples.
    """

    folder: Path
    tags: tuple[str, ...]
    signatures: Mapping[str, Any]
    inputs: Mapping[str, str]


def called(model: Artifact, params: BulkInferrerParams) -> Called:
    """Returns the model and the signatures to call, according to `params`.

    Raises:
        InputError: The model does not have this signature, or the signature does not take
            serialized examples.
    """
    folder = saved_model.serving_directory(model)
    signatures = saved_model.read_signatures(folder, params.tags, params.signatures)
    inputs = {
        name: saved_model.records_input(name, signature) for name, signature in signatures.items()
    }
    _check_methods(signatures)
    return Called(folder=folder, tags=params.tags, signatures=signatures, inputs=inputs)


class Predictor:
    """A loaded model with the signatures that are called.

    Args:
        model: The model and the signatures to call.
        location: Where TensorFlow finds the SavedModel: a path, or a URI that it can open.

    Raises:
        InputError: TensorFlow cannot load it.
    """

    def __init__(self, model: Called, location: str) -> None:
        self._called = model
        self._model = LoadedModel(_COMPONENT, location, model.tags)

    def predict(self, records: Sequence[bytes]) -> dict[str, dict[str, Any]]:
        """Returns, by signature and output, an array with an element per record.

        Raises:
            InputError: The model stopped, or does not answer every record.
        """
        answers = {
            name: self._model.answer(name, {key: records})
            for name, key in self._called.inputs.items()
        }
        for name, outputs in answers.items():
            for key, array in outputs.items():
                if array.shape[:1] != (len(records),):
                    raise InputError(
                        f"output {key!r} of signature {name!r} has shape "
                        f"{array.shape} for {len(records)} rows, expected a first dimension of "
                        f"{len(records)}. Save the model with an answer per row."
                    )
        return answers

    def logs(self, records: Sequence[bytes]) -> list[bytes]:
        """Returns a serialized `PredictionLog` per record.

        Raises:
            InputError: As `predict`, or the outputs do not fit their signature's method.
        """
        signatures = self._called.signatures
        return prediction_logs.build(signatures, records, self.predict(records))


def _check_methods(signatures: Mapping[str, Any]) -> None:
    methods = {name: signature.method_name for name, signature in signatures.items()}
    allowed = [saved_model.CLASSIFY, saved_model.REGRESS]
    if len(methods) == 1:
        allowed.append(saved_model.PREDICT)
    for name, method in methods.items():
        if method not in allowed:
            raise InputError(
                f"signature {name!r} has the method {method!r}, expected one of "
                f"{allowed}, since {len(methods)} are called. Name one signature in "
                "`model_signature_name`, or several that classify or regress."
            )

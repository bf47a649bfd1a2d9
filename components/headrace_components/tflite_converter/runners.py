"""Runs the two models on the same rows: a SavedModel, and the TF Lite model made from it."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from headrace_components.contract.errors import InputError
from headrace_components.contract.texts import one_line
from headrace_components.library.models.saved_model import LoadedModel
from headrace_components.tflite_converter.signature import Signature

Arrays = dict[str, Any]
"""An array of shape `(rows, ...)` by name."""


class NotRunnableError(Exception):
    """The interpreter cannot run a model; on a device it may still run."""


class SavedModelRunner:
    """Answers like a server.

    Args:
        model: The SavedModel.
        signature: The signature to call.
    """

    def __init__(self, model: LoadedModel, signature: Signature) -> None:
        self._model = model
        self._signature = signature

    def answer(self, inputs: Mapping[str, Any], num_rows: int) -> Arrays:
        """Returns the outputs.

        Raises:
            InputError: The model failed, or does not answer every row.
        """
        name = self._signature.name
        answers = _answered(
            lambda piece: self._model.answer(name, piece),
            inputs,
            num_rows,
            self._signature.batch_size or num_rows,
        )
        for key, array in answers.items():
            if array.shape[:1] != (num_rows,):
                raise InputError(
                    f"output {key!r} of signature {name!r} has shape "
                    f"{array.shape} for {num_rows} rows, expected a first dimension of {num_rows}. "
                    "Save the model with an answer per row."
                )
        return answers


class TFLiteRunner:
    """Answers like a device: with TF Lite's interpreter, one row at a time.

    Args:
        content: The model, a TF Lite flatbuffer.
        signature: The signature to call.

    Raises:
        NotRunnableError: The interpreter lacks an operation of the model.
    """

    def __init__(self, content: bytes, signature: Signature) -> None:
        self._batch_size = signature.batch_size or 1
        try:
            self._interpreter = tf.lite.Interpreter(model_content=content)
            self._call = self._interpreter.get_signature_runner(signature.name)
            self.inputs: dict[str, Any] = self._call.get_input_details()
            self.outputs: dict[str, Any] = self._call.get_output_details()
        except (RuntimeError, ValueError) as error:
            raise NotRunnableError(_reason(error)) from error

    def answer(self, inputs: Mapping[str, Any], num_rows: int) -> Arrays:
        """Returns the outputs, converted to floats if they are quantized.

        Args:
            inputs: The inputs of the SavedModel's signature.
            num_rows: Number of rows.

        Raises:
            NotRunnableError: The interpreter failed.
        """
        quantized = {name: _quantized(inputs[name], self.inputs[name]) for name in self.inputs}
        try:
            answers = _answered(
                lambda piece: self._call(**piece), quantized, num_rows, self._batch_size
            )
        except (RuntimeError, ValueError) as error:
            raise NotRunnableError(_reason(error)) from error
        return {name: _floats(array, self.outputs[name]) for name, array in answers.items()}


def pieces(inputs: Mapping[str, Any], num_rows: int, piece_rows: int) -> list[Arrays]:
    """Returns the rows in pieces of `piece_rows`, the last one filled with the last row."""
    filler = -num_rows % piece_rows
    if filler:
        places = np.minimum(np.arange(num_rows + filler), num_rows - 1)
        inputs = {name: array[places] for name, array in inputs.items()}
    return [
        {name: array[start : start + piece_rows] for name, array in inputs.items()}
        for start in range(0, num_rows, piece_rows)
    ]


def _answered(
    call: Callable[[Arrays], Mapping[str, Any]],
    inputs: Mapping[str, Any],
    num_rows: int,
    piece_rows: int,
) -> Arrays:
    answers = [call(piece) for piece in pieces(inputs, num_rows, piece_rows)]
    if len(answers) == 1 and piece_rows == num_rows:
        return dict(answers[0])
    return {
        name: np.concatenate([np.atleast_1d(answer[name]) for answer in answers])[:num_rows]
        for name in answers[0]
    }


def quantization(details: Mapping[str, Any]) -> tuple[float, int] | None:
    """Returns scale and zero point of an integer tensor that stands for floats; None for others.

    A real number is `scale * (integer - zero point)`.
    """
    scale, zero_point = details["quantization"]
    return (float(scale), int(zero_point)) if scale else None


def _quantized(array: Any, details: Mapping[str, Any]) -> Any:
    parameters = quantization(details)
    if parameters is None:
        return array
    scale, zero_point = parameters
    limits = np.iinfo(details["dtype"])
    places = np.round(array / scale) + zero_point
    return np.clip(places, limits.min, limits.max).astype(details["dtype"])


def _floats(array: Any, details: Mapping[str, Any]) -> Any:
    parameters = quantization(details)
    if parameters is None:
        return array
    scale, zero_point = parameters
    return (array.astype(np.float64) - zero_point) * scale


def _reason(error: BaseException) -> str:
    text = one_line(error)
    if "Flex delegate" in text:
        return (
            f"the interpreter of TensorFlow {tf.__version__} has no Flex delegate, which a model "
            "with `select_tf_ops` needs"
        )
    if "hashtable" in text:
        return (
            "TF Lite does not read the vocabulary file of a lookup table: look words up in "
            "Transform, and save a signature that takes the numbers"
        )
    return f"TF Lite's interpreter stopped: {one_line(text, 300)}"

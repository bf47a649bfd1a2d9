"""Runs TF Lite's converter."""

import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError

from headrace_components.contract.errors import InputError
from headrace_components.library.models.saved_model import LoadedModel
from headrace_components.tflite_converter.params import TFLiteConverterParams
from headrace_components.tflite_converter.signature import Signature

RepresentativeRows = Sequence[Mapping[str, Any]]
"""Arrays by input of the signature. Each has the signature's number of rows, or else one row."""

_MAX_LENGTH = 300


def convert(
    model: LoadedModel,
    signature: Signature,
    params: TFLiteConverterParams,
    representative: RepresentativeRows,
) -> bytes:
    """Returns the model as a TF Lite flatbuffer that has the signature under its name.

    Args:
        model: The SavedModel.
        signature: The signature to convert.
        params: The options of the conversion.
        representative: Rows to calibrate integers with.

    Raises:
        InputError: TF Lite cannot run an operation of the model, or not with this quantization.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-tflite-") as folder:
        # In a Keras 3 model that tf.saved_model.save wrote, the converter does not find the values
        # of the variables: it writes a model that answers NaN (TensorFlow 2.21) or crashes (2.16).
        # It also converts lookup tables of a transform graph that the signature does not use.
        model.save_signature(signature.name, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=[signature.name]
        )
        _configure(converter, params, lambda: iter(representative))
        try:
            content: bytes = converter.convert()
        except (ConverterError, RuntimeError, ValueError) as error:
            logging.info("tflite_converter: what the converter said:", exc_info=error)
            raise InputError(
                f"signature {signature.name!r} cannot be converted with "
                f"`quantization` {params.quantization!r}: {_reason(str(error), params)}"
            ) from error
    return content


def _configure(
    converter: Any,
    params: TFLiteConverterParams,
    representative: Callable[[], Iterator[Mapping[str, Any]]],
) -> None:
    ops = tf.lite.OpsSet
    integer_ops = {
        "int8": ops.TFLITE_BUILTINS_INT8,
        "int16x8": ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
    }
    supported = [ops.TFLITE_BUILTINS]
    if params.quantization != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if params.quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if params.is_calibrated:
        converter.representative_dataset = representative
        supported = [integer_ops[params.quantization]]
        if params.integer_io:
            kind = tf.int8 if params.quantization == "int8" else tf.int16
            converter.inference_input_type = converter.inference_output_type = kind
        else:
            supported.append(ops.TFLITE_BUILTINS)
    if params.select_tf_ops:
        supported.append(ops.SELECT_TF_OPS)
    converter.target_spec.supported_ops = supported


def _reason(text: str, params: TFLiteConverterParams) -> str:
    """Returns the useful part of the converter's long compiler notes."""
    select = re.search(r"TF Select ops: (.+)", text)
    if select:
        return (
            f"TF Lite has no {select[1].strip()}, or not of these types. Save a signature that "
            "does without, or set `select_tf_ops` where devices have the Flex delegate."
        )
    custom = re.search(r"Custom ops: (.+)", text)
    if custom:
        return (
            f"neither TF Lite nor its Flex delegate has {custom[1].strip()}. Save a signature that "
            "does without."
        )
    unfit = re.search(r"'tf\.(\w+)' op (.+)", text)
    if unfit:
        way = (
            "It is of a recurrent layer: save that with unroll=True"
            if unfit[1].startswith("TensorList")
            else "Save a signature that does without"
        )
        flex = "" if params.select_tf_ops else ", or set `select_tf_ops`"
        return f"{unfit[1]} {unfit[2]}. {way}{flex}."
    unranged = re.search(r"recorded during calibration: Failed for tensor (\S+)", text)
    if unranged:
        return (
            f"{unranged[1]} holds no floats, whose range could be calibrated. Choose 'int8', which "
            "leaves integers alone."
        )
    line = next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
    return f"{line[:_MAX_LENGTH].rstrip('.')}. Choose another `quantization`, or another signature."

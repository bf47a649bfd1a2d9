"""Converts one signature of a SavedModel to a graph model of TensorFlow.js, with tensorflowjs."""

import importlib.util
import json
import re
import sys
import tempfile
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.json_format import ParseDict

from headrace_components.contract.errors import InputError
from headrace_components.library.models.saved_model import LoadedModel
from headrace_components.tfjs_converter.params import TfjsConverterParams

MODEL_FILE = "model.json"

# tensorflowjs always imports these, although only other kinds of models need them.
_OTHER_KINDS = ("tensorflow_decision_forests", "tensorflow_hub")
_UNSUPPORTED = re.compile(r"Unsupported Ops in the model .*\n(.+)")
_UNWRITABLE = re.compile(r"Error dumping weight (.+), dtype (\S+) not supported")

_ADVICE = {
    "ParseExample": (
        "Save the model with a signature that takes tensors in place of serialized tf.Examples, "
        "and name that one."
    ),
    "InitializeTableFromTextFile": (
        "Make the table from the words themselves, with tf.lookup.KeyValueTensorInitializer, in "
        "place of a file."
    ),
}
_OTHER_ADVICE = (
    "Build the model without them, or pass `skip_op_check` for a program that registers them."
)


def convert(component: str, folder: Path, target: Path, params: TfjsConverterParams) -> None:
    """Writes `model.json` and the files of its weights.

    Inputs and outputs have the names of the signature, and the order of these names:
    tensorflowjs itself uses the names of tensors, in an order that varies.

    Args:
        component: Name of the component, for the log.
        folder: Directory of the SavedModel.
        target: Directory to write to.
        params: The signature, and the options of the conversion.

    Raises:
        InputError: TensorFlow cannot load the model, or TensorFlow.js could not run it.
    """
    converter = _converter()
    model = LoadedModel(component, folder)
    with tempfile.TemporaryDirectory() as source:
        # tensorflowjs fails on a table that the signature does not use, such as the vocabularies of
        # a Transform layer in a signature that takes transformed features.
        model.save_signature(params.signature_name, Path(source))
        try:
            converter.convert_tf_saved_model(
                source,
                str(target),
                signature_def=params.signature_name,
                quantization_dtype_map=_quantization(params),
                skip_op_check=params.skip_op_check,
                strip_debug_ops=params.strip_debug_ops,
                use_structured_outputs_names=params.use_structured_outputs_names,
                weight_shard_size_bytes=params.weight_shard_size_bytes,
                control_flow_v2=params.control_flow_v2,
            )
        except ValueError as error:
            reason = _reason(str(error), params)
            if reason is None:
                raise
            raise reason from error
    converted = json.loads((target / MODEL_FILE).read_text("utf-8"))
    _check_initializer(converter, converted, params)
    _name_ports(converted["signature"], model.signature(params.signature_name))
    (target / MODEL_FILE).write_text(json.dumps(converted, sort_keys=True), "utf-8")


def _converter() -> Any:
    for name in _OTHER_KINDS:
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            sys.modules[name] = types.ModuleType(name)
    # Its own module for JAX models, which is also missing from the environment.
    jax_conversion = types.ModuleType("tensorflowjs.converters.jax_conversion")
    jax_conversion.convert_jax = None  # type: ignore[attr-defined]
    sys.modules[jax_conversion.__name__] = jax_conversion
    from tensorflowjs.converters import tf_saved_model_conversion_v2

    return tf_saved_model_conversion_v2


def _quantization(params: TfjsConverterParams) -> dict[str, Any] | None:
    if params.quantization == "none":
        return None
    return {params.quantization: list(params.quantized_weights) or True}


def _check_initializer(converter: Any, converted: Any, params: TfjsConverterParams) -> None:
    """Checks the graph that fills the model's tables, because tensorflowjs does not."""
    graph = ParseDict(converted.get("modelInitializer", {}), tf.compat.v1.GraphDef())
    lacking = converter.validate(graph, params.skip_op_check, params.strip_debug_ops)
    if lacking:
        raise _lacking(lacking, params)


def _name_ports(signature: dict[str, Any], function: Any) -> None:
    outputs = sorted(function.structured_outputs)
    names = {
        **{tensor.name: _argument(tensor) for tensor in function.inputs},
        **{tensor.name: name for name, tensor in zip(outputs, function.outputs, strict=True)},
    }
    for ports in ("inputs", "outputs"):
        signature[ports] = {
            names.get(port["name"], key): port for key, port in signature.get(ports, {}).items()
        }


def _argument(tensor: Any) -> str:
    # A captured table is also an input, but has no name in the signature.
    attributes = tensor.op.node_def.attr
    return attributes["_user_specified_name"].s.decode() or str(tensor.name)


def _reason(message: str, params: TfjsConverterParams) -> InputError | None:
    if found := _UNSUPPORTED.search(message):
        return _lacking(found[1].split(", "), params)
    if found := _UNWRITABLE.search(message):
        return InputError(
            f"weight {found[1]!r} of signature {params.signature_name!r} has the "
            f"type {found[2]}, expected one of TensorFlow.js: float32, int32, complex64, bool or "
            "string. Cast it in the model."
        )
    return None


def _lacking(operations: Iterable[str], params: TfjsConverterParams) -> InputError:
    names = sorted(operations)
    advice = next(
        (text for name, text in _ADVICE.items() if any(each.startswith(name) for each in names)),
        _OTHER_ADVICE,
    )
    return InputError(
        f"signature {params.signature_name!r} needs the operations {names}, which "
        f"TensorFlow.js lacks. {advice}"
    )

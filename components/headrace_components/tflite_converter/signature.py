"""The inputs of a signature, and the features of the examples for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from headrace_components.contract.errors import InputError
from headrace_components.library.models import saved_model
from headrace_components.tflite_converter.params import TFLiteConverterParams


@dataclass(frozen=True, kw_only=True, slots=True)
class InputTensor:
    """An input of a signature.

    Attributes:
        name: Its name.
        dtype: Its type.
        shape: Shape of a row's values; at most one size is None, for any number.
        features: The features that fill it, one after the other; empty if it takes serialized
            examples.
    """

    name: str
    dtype: tf.DType
    shape: tuple[int | None, ...]
    features: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """A signature whose inputs can be filled from examples.

    Attributes:
        name: Its name.
        inputs: Its inputs.
        outputs: Type of each output by name.
        batch_size: Number of rows that it takes at a time; None for any number.
    """

    name: str
    inputs: tuple[InputTensor, ...]
    outputs: Mapping[str, tf.DType]
    batch_size: int | None


def checked(name: str, signatures: Mapping[str, Any], params: TFLiteConverterParams) -> Signature:
    """Returns the signature to convert.

    Args:
        name: Its name.
        signatures: All of the model, `SignatureDef`s by name.
        params: The features for its inputs.

    Raises:
        InputError: TF Lite cannot take these inputs.
    """
    definition = signatures[name]
    unknown = sorted(set(params.input_features) - set(definition.inputs))
    if unknown:
        raise InputError(
            f"`input_features` names the inputs {unknown}, but signature "
            f"{name!r} takes {saved_model.described_inputs(definition)}. Name only those."
        )
    if _parses_examples(definition) and not params.input_features:
        if not params.select_tf_ops:
            raise _parsing(name, signatures)
        (key,) = definition.inputs
        inputs = [InputTensor(name=key, dtype=tf.string, shape=(), features=())]
        batch_sizes: set[int | None] = {None}
    else:
        inputs = [
            _input(name, key, definition, params.features(key)) for key in sorted(definition.inputs)
        ]
        batch_sizes = {_sizes(info)[0] for info in definition.inputs.values()}
    if len(batch_sizes) != 1:
        raise InputError(
            f"the inputs of signature {name!r}, "
            f"{saved_model.described_inputs(definition)}, differ in their first dimension, "
            "expected the number of rows there. Save them with the same."
        )
    outputs = {key: tf.as_dtype(info.dtype) for key, info in sorted(definition.outputs.items())}
    return Signature(name=name, inputs=tuple(inputs), outputs=outputs, batch_size=batch_sizes.pop())


def _parses_examples(definition: Any) -> bool:
    """Returns whether the only input of a signature is one string per row.

    Such an input may also be a feature, if `input_features` names it.
    """
    if len(definition.inputs) != 1:
        return False
    (info,) = definition.inputs.values()
    return bool(info.dtype == tf.string.as_datatype_enum and len(_sizes(info)) <= 1)


def _parsing(name: str, signatures: Mapping[str, Any]) -> InputError:
    others = sorted(_convertible(signatures))
    way = (
        f"Name another in `signature_name`: {others} take dense tensors"
        if others
        else "Save the model with a signature of the dense tensors that its layers take, for "
        "example signatures={'serving_default': ..., 'lite': ...}, and name that in "
        "`signature_name`"
    )
    return InputError(
        f"signature {name!r} takes "
        f"{saved_model.described_inputs(signatures[name])}, which are serialized tf.Examples, and "
        f"TF Lite cannot parse those. {way}; or set `select_tf_ops` where devices have the Flex "
        "delegate."
    )


def _convertible(signatures: Mapping[str, Any]) -> Iterator[str]:
    for name, definition in signatures.items():
        kinds = {info.dtype for info in definition.inputs.values()}
        if kinds and tf.string.as_datatype_enum not in kinds:
            yield name


def _input(name: str, key: str, definition: Any, features: tuple[str, ...]) -> InputTensor:
    info = definition.inputs[key]
    shape = _sizes(info)
    problem = None
    if info.WhichOneof("encoding") != "name":
        problem = "which is not a dense tensor"
    elif info.tensor_shape.unknown_rank or not shape:
        problem = "expected a shape that begins with the number of rows"
    elif shape[1:].count(None) > 1:
        problem = "expected at most one more dimension of unknown size"
    if problem:
        described = saved_model.described_inputs(definition)[key]
        raise InputError(
            f"input {key!r} of signature {name!r} is {described}, {problem}. "
            "Save the model with a signature of dense tensors of known shapes."
        )
    return InputTensor(name=key, dtype=tf.as_dtype(info.dtype), shape=shape[1:], features=features)


def _sizes(info: Any) -> tuple[int | None, ...]:
    return tuple(None if dim.size == -1 else int(dim.size) for dim in info.tensor_shape.dim)

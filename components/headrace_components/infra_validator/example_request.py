"""A request that a model answers: `python -m headrace_components.infra_validator.example_request`.

It prints the JSON body for TensorFlow Serving's REST API. The row is the first of the examples, if
they are given. Otherwise its values are made up, of the names and types that the model parses.
"""

import argparse
import base64
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.example import example_pb2

from headrace_components.contract.errors import InputError
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.models import saved_model

_COMPONENT = "infra_validator"
_PARSING = ("ParseExampleV2",)
_NUMBER = 1


def body(model: Path, examples: Path | None = None) -> dict[str, Any]:
    """Returns the body of a `:predict` request with one row.

    Args:
        model: Directory of the SavedModel.
        examples: Directory of an `Examples` artifact for a signature that takes tf.Examples.

    Raises:
        InputError: The model has no signature, or one whose input cannot be made up.
    """
    signatures = saved_model.all_signatures(model)
    if not signatures:
        raise InputError(f"the model in {model} has no signature to ask.")
    default = saved_model.DEFAULT_SIGNATURE
    name = default if default in signatures else min(signatures)
    inputs = {key: _row(info) for key, info in sorted(signatures[name].inputs.items())}
    try:
        key = saved_model.records_input(name, signatures[name])
    except InputError:
        pass  # it takes tensors
    else:
        record = _first_record(examples) or _made_up(saved_model.read_proto(model))
        inputs = {key: {"b64": base64.b64encode(record).decode()}}
    row: Any = next(iter(inputs.values())) if len(inputs) == 1 else inputs
    signature = {} if name == default else {"signature_name": name}
    return {**signature, "instances": [row]}


def _row(info: Any) -> Any:
    """Returns a value for one row of an input, without its dimension of rows."""
    dtype = tf.as_dtype(info.dtype)
    value: Any = "" if dtype == tf.string else dtype != tf.bool and _NUMBER
    for size in reversed([dim.size for dim in info.tensor_shape.dim][1:]):
        value = [value] * max(size, 1)
    return value


def _first_record(examples: Path | None) -> bytes:
    if examples is None:
        return b""
    reader = ExamplesReader(examples, _COMPONENT)
    for split in reader.split_names:
        for records in reader.serialized(split, batch_size=1):
            return bytes(records[0])
    return b""


def _made_up(proto: Any) -> bytes:
    """Returns a serialized tf.Example with the features that a model parses."""
    example = example_pb2.Example()
    for graph in proto.meta_graphs:
        for nodes in [
            graph.graph_def.node,
            *(f.node_def for f in graph.graph_def.library.function),
        ]:
            by_name = {node.name: node for node in nodes}
            for node in nodes:
                if node.op in _PARSING:
                    _fill(example, node, by_name)
    return bytes(example.SerializeToString(deterministic=True))


def _fill(example: Any, node: Any, nodes: Mapping[str, Any]) -> None:
    # The inputs of ParseExampleV2: serialized, names, keys of sparse, of dense and of ragged
    # features, and then defaults.
    _, _, sparse, dense, _, *_ = node.input
    kinds = [*node.attr["sparse_types"].list.type, *node.attr["Tdense"].list.type]
    shapes = [None] * len(node.attr["sparse_types"].list.type)
    shapes += list(node.attr["dense_shapes"].list.shape)
    names = [*_texts(nodes, sparse), *_texts(nodes, dense)]
    for name, kind, shape in zip(names, kinds, shapes, strict=False):
        sizes: list[int] = [max(dim.size, 1) for dim in shape.dim] if shape is not None else []
        count = math.prod(sizes)
        feature = example.features.feature[name]
        if kind == tf.string.as_datatype_enum:
            feature.bytes_list.value[:] = [b""] * count
        elif kind == tf.int64.as_datatype_enum:
            feature.int64_list.value[:] = [_NUMBER] * count
        else:
            feature.float_list.value[:] = [_NUMBER] * count


def _texts(nodes: Mapping[str, Any], reference: str) -> Sequence[str]:
    """Returns the texts of a constant; none if it is not beside the node that reads it."""
    node = nodes.get(reference.partition(":")[0])
    if node is None or node.op != "Const":
        return ()
    return [text.decode() for text in tf.make_ndarray(node.attr["value"].tensor).flatten()]


def main() -> None:
    """Prints the body for the model of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--examples", type=Path)
    flags = parser.parse_args()
    print(json.dumps(body(flags.model, flags.examples)))  # noqa: T201  its output


if __name__ == "__main__":
    main()

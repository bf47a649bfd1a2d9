"""Reads and runs a SavedModel like a server: its signatures and their outputs."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact
from headrace_components.contract.texts import one_line

SERVING_DIR = "Format-Serving"
DEFAULT_SIGNATURE = "serving_default"
PREDICT = "tensorflow/serving/predict"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"

# SavedModels have private signatures that initialize resources and must not be called.
_PRIVATE = "__"


def serving_directory(model: Artifact) -> Path:
    """Returns the directory of an artifact's SavedModel.

    Estimators save to `Format-Serving/export/<exporter>/<timestamp>`.

    Raises:
        InputError: The artifact is not a SavedModel.
    """
    serving = model.path / SERVING_DIR
    exports = sorted(serving.glob("export/*/*/saved_model.pb"))
    folder = exports[0].parent if len(exports) == 1 else serving
    if not (folder / "saved_model.pb").is_file():
        found = sorted(path.name for path in serving.glob("*"))
        raise InputError(
            f"`{model.key}` at {model.uri} has no {SERVING_DIR}/saved_model.pb, but "
            f"{found} in {SERVING_DIR}, so it is not a SavedModel. Connect a trainer whose run_fn "
            "saves one to fn_args.serving_model_dir."
        )
    return folder


def read_signatures(folder: Path, tags: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    """Returns signatures of a SavedModel by name, without loading it.

    Args:
        folder: Directory of the SavedModel.
        tags: Tags of the graph to use; empty means `["serve"]`.
        names: Names of the signatures; empty means `["serving_default"]`.

    Returns:
        By name, in the order of `names`, a `SignatureDef`.

    Raises:
        InputError: The file is not a SavedModel, or has no such graph or signature.
    """
    known = all_signatures(folder, tags)
    wanted = names or [DEFAULT_SIGNATURE]
    for name in wanted:
        if name not in known:
            raise InputError(
                f"the model in {folder} has no signature {name!r}; it has "
                f"{sorted(known)}. Name one of those, or save the model with that signature."
            )
    return {name: known[name] for name in wanted}


def read_proto(folder: Path) -> Any:
    """Returns a SavedModel's `SavedModel` message.

    Raises:
        InputError: The file does not contain one.
    """
    proto = saved_model_pb2.SavedModel()
    file = folder / "saved_model.pb"
    try:
        proto.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise InputError(f"{file} is not a SavedModel ({error}). Train the model again.") from error
    return proto


def all_signatures(folder: Path, tags: Sequence[str] = ()) -> dict[str, Any]:
    """Returns all signatures of a SavedModel that can be called, without loading it.

    Args:
        folder: Directory of the SavedModel.
        tags: Tags of the graph to use; empty means `["serve"]`.

    Raises:
        InputError: The file is not a SavedModel, or has no such graph.
    """
    proto = read_proto(folder)
    wanted = sorted(tags or ["serve"])
    by_tags = {tuple(sorted(graph.meta_info_def.tags)): graph for graph in proto.meta_graphs}
    graph = by_tags.get(tuple(wanted))
    if graph is None:
        raise InputError(
            f"the model in {folder} has no graph with the tags {wanted}; it has "
            f"{[list(each) for each in sorted(by_tags)]}. Name the tags of one of those."
        )
    return {
        name: signature
        for name, signature in graph.signature_def.items()
        if not name.startswith(_PRIVATE)
    }


def records_input(name: str, signature: Any) -> str:
    """Returns the name of the input of a signature that takes serialized examples.

    Args:
        name: Name of the signature.
        signature: A `SignatureDef`.

    Raises:
        InputError: The signature takes something else.
    """
    inputs = dict(signature.inputs)
    if len(inputs) == 1:
        ((key, info),) = inputs.items()
        shape = info.tensor_shape
        is_batch = shape.unknown_rank or (len(shape.dim) == 1 and shape.dim[0].size == -1)
        if info.dtype == tf.string.as_datatype_enum and is_batch:
            return str(key)
    raise InputError(
        f"signature {name!r} takes {described_inputs(signature)}, expected one input "
        "of type string and shape (None,) for serialized tf.Examples. Name such a signature, or "
        "save the model with one that parses examples."
    )


def described_inputs(signature: Any) -> dict[str, str]:
    """Returns the inputs of a `SignatureDef` for people, such as `{"hour": "float32(None, 1)"}`."""
    return {key: _described(info) for key, info in sorted(signature.inputs.items())}


def _described(info: Any) -> str:
    kind = tf.as_dtype(info.dtype).name
    if info.tensor_shape.unknown_rank:
        return str(kind)
    sizes = ["None" if dim.size == -1 else str(dim.size) for dim in info.tensor_shape.dim]
    return f"{kind}({', '.join(sizes)})"


LOADING_ERRORS = (tf.errors.OpError, OSError, ValueError, RuntimeError, KeyError, IndexError)
"""TensorFlow raises these if a model is damaged, or needs operations that are not available."""

# Texts in TensorFlow's messages about files of variables.
_DAMAGE = re.compile(
    "sstable|checksum|TensorBundle|TensorSliceReader|Read less bytes|No such file|Unable to read"
    "|DataLoss|out of range|truncated"
)


def unloadable(component: str, model: str, error: Exception) -> InputError:
    """Returns the error for a model that TensorFlow cannot load.

    Args:
        component: Name of the component.
        model: A description of the model, such as "the model in /models/1".
        error: The exception from TensorFlow, one of `LOADING_ERRORS`.
    """
    logging.info("%s: could not load %s:", component, model, exc_info=error)
    advice = (
        "Train it again with this version of TensorFlow, or bake the operations that it needs into "
        "the image."
    )
    if _DAMAGE.search(str(error)):
        advice = "Its variables are damaged or cut off: copy the model again, or train it again."
    return InputError(
        f"TensorFlow {tf.__version__} cannot load {model}: {type(error).__name__}: "
        f"{one_line(error, 400)}. {advice}"
    )


class LoadedModel:
    """A SavedModel in this process.

    Args:
        component: Name of the component, for the log.
        folder: Directory of the SavedModel: a path, or a URI that TensorFlow can open.
        tags: Tags of the graph to use; empty means `["serve"]`.

    Raises:
        InputError: TensorFlow cannot load it.
    """

    def __init__(self, component: str, folder: Path | str, tags: Sequence[str] = ()) -> None:
        try:
            self._model = tf.saved_model.load(str(folder), tags=list(tags) or ["serve"])
        except LOADING_ERRORS as error:
            raise unloadable(component, f"the model in {folder}", error) from error

    def signature(self, name: str) -> Any:
        """Returns a signature as a TensorFlow function: it takes and returns tensors by name."""
        return self._model.signatures[name]

    def answer(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the outputs of a signature by name, as arrays.

        Raises:
            InputError: The model failed on the inputs.
        """
        try:
            tensors = {name: tf.convert_to_tensor(value) for name, value in inputs.items()}
            outputs = self.signature(signature)(**tensors)
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise InputError(
                f"signature {signature!r} stopped on its input: "
                f"{type(error).__name__}: {one_line(error, 400)}. Give examples of the kind that "
                "the model was saved for, raw or transformed."
            ) from error
        return {name: value.numpy() for name, value in outputs.items()}

    def save_signature(self, signature: str, folder: Path) -> None:
        """Writes a SavedModel, tagged `serve`, with one signature and all that it uses.

        Other objects are left out, such as the lookup tables of a transform graph.
        """
        function = self.signature(signature)
        captured = {tensor.ref() for tensor in function.captured_inputs}
        resource = tf.saved_model.experimental.TrackableResource
        tables = [
            part
            for part in tf.train.TrackableView(self._model).descendants()
            if isinstance(part, resource) and part.resource_handle.ref() in captured
        ]
        holder = tf.Module()
        holder.used = [*function.variables, *tables]
        tf.saved_model.save(holder, str(folder), {signature: function})

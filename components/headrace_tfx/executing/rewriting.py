"""Other forms of a trained model, which a `run_fn` makes of its SavedModel: TensorFlow Lite.

The names are those of `tfx/components/trainer/rewriting`. TensorFlow is imported when a model is
converted.
"""

import enum
from dataclasses import dataclass
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_tfx.files import fileio, io_utils

TFLITE_REWRITER = "tflite"
TFJS_REWRITER = "tfjs"

_ASSETS = ("assets", "assets.extra")


class ModelType(enum.Enum):
    """The forms of models."""

    ANY_MODEL = 1
    SAVED_MODEL = 2
    TFLITE_MODEL = 3
    TFJS_MODEL = 4


@dataclass(frozen=True)
class ModelDescription:
    """A model.

    Attributes:
        model_type: Its form.
        path: Its directory.
    """

    model_type: ModelType
    path: str


class TFLiteRewriter:
    """Makes a model of TensorFlow Lite, with the assets of the SavedModel beside it.

    Args:
        name: A name for messages.
        filename: The name of the model's file.
        copy_assets: Whether to copy the directory `assets`.
        copy_assets_extra: Whether to copy the directory `assets.extra`.
        quantization_optimizations: As `optimizations` of `tf.lite.TFLiteConverter`.
        quantization_supported_types: As its `target_spec.supported_types`.
        quantization_enable_full_integer: Whether only operations on whole numbers are used.
        signature_key: The signature that is converted.
        representative_dataset: As `representative_dataset` of `tf.lite.TFLiteConverter`.
    """

    def __init__(
        self,
        name: str,
        filename: str = "tflite",
        copy_assets: bool = True,
        copy_assets_extra: bool = True,
        quantization_optimizations: Any = None,
        quantization_supported_types: Any = None,
        quantization_enable_full_integer: bool = False,
        signature_key: str | None = None,
        representative_dataset: Any = None,
    ) -> None:
        self.name = name
        self._filename = filename
        self._assets = [
            folder
            for folder, wanted in zip(_ASSETS, (copy_assets, copy_assets_extra), strict=True)
            if wanted
        ]
        self._optimizations = quantization_optimizations or []
        self._types = quantization_supported_types or []
        self._is_whole = quantization_enable_full_integer
        self._signature = signature_key
        self._dataset = representative_dataset

    def perform_rewrite(self, original: ModelDescription, rewritten: ModelDescription) -> None:
        """Writes the model of TensorFlow Lite for a SavedModel.

        Raises:
            InputError: One of the two has another form, or there is no SavedModel.
        """
        expected = {original.path: ModelType.SAVED_MODEL, rewritten.path: ModelType.TFLITE_MODEL}
        for model in (original, rewritten):
            if model.model_type not in (expected[model.path], ModelType.ANY_MODEL):
                raise InputError(
                    f"the rewriter {self.name!r} makes TFLITE_MODEL of SAVED_MODEL, but got "
                    f"{model.model_type.name} for {model.path}. Correct the form."
                )
        if not fileio.exists(f"{original.path}/saved_model.pb"):
            raise InputError(
                f"the rewriter {self.name!r} got {original.path}, which has no saved_model.pb. "
                "Save the model there first."
            )
        content = self._converted(original.path)
        fileio.makedirs(rewritten.path)
        with fileio.open(f"{rewritten.path}/{self._filename}", "wb") as file:
            file.write(content)
        for folder in self._assets:
            source = f"{original.path}/{folder}"
            if fileio.exists(source):
                io_utils.copy_dir(source, f"{rewritten.path}/{folder}")

    def _converted(self, path: str) -> bytes:
        import tensorflow as tf

        keys = [self._signature] if self._signature else None
        converter = tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=keys)
        converter.optimizations = self._optimizations
        converter.target_spec.supported_types = self._types
        if self._dataset is not None:
            converter.representative_dataset = self._dataset
        if self._is_whole:
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        made: bytes = converter.convert()
        return made


def create_rewriter(rewriter_type: str, *args: Any, **kwargs: Any) -> TFLiteRewriter:
    """Returns what makes another form of a SavedModel.

    Raises:
        InputError: There is nothing for this form here.
    """
    if rewriter_type != TFLITE_REWRITER:
        raise InputError(
            f"create_rewriter: the form is {rewriter_type!r}, expected {TFLITE_REWRITER!r}. For "
            "TensorFlow.js put Headrace's component tfjs_converter behind the trainer: "
            "`headrace convert` writes the pipeline to put it in."
        )
    return TFLiteRewriter(*args, **kwargs)


def rewrite_saved_model(
    source_path: str,
    dest_path: str,
    rewriter_inst: Any,
    dest_model_type: ModelType = ModelType.SAVED_MODEL,
) -> None:
    """Makes another form of a SavedModel.

    Args:
        source_path: The directory of the SavedModel.
        dest_path: The directory for what is made.
        rewriter_inst: What makes it; see `create_rewriter`.
        dest_model_type: The form.
    """
    rewriter_inst.perform_rewrite(
        ModelDescription(ModelType.SAVED_MODEL, source_path),
        ModelDescription(dest_model_type, dest_path),
    )

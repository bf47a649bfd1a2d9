"""Loads models like TFMA, and reports which one cannot be loaded."""

import functools
from collections.abc import Callable
from typing import Any

from tensorflow_model_analysis.api.types import ModelLoader

from headrace_components.library.models import saved_model


def explaining_loader(loader: ModelLoader, role: str, uri: str) -> ModelLoader:
    """Returns a loader that loads the same as `loader`, here or on a worker.

    Its `load` raises an InputError if TensorFlow cannot load the model.

    Args:
        loader: TFMA's own.
        role: `model` or `baseline_model`.
        uri: Where the model is from, for the error.
    """
    construct = functools.partial(_loaded, loader.construct_fn, f"`{role}` {uri}")
    return ModelLoader(construct_fn=construct, tags=loader.tags)


def _loaded(construct: Callable[[], Any], model: str) -> Any:
    try:
        return construct()
    except saved_model.LOADING_ERRORS as error:
        raise saved_model.unloadable("evaluator", model, error) from error

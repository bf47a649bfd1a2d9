"""Loads the functions that a pipeline author wrote for Transform."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from headrace_components import user_module
from headrace_components.errors import InputError
from headrace_components.transform.params import TransformParams

PreprocessingFn = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def preprocessing_fn(params: TransformParams, component: str) -> PreprocessingFn:
    """Returns the user's `preprocessing_fn`, with `custom_config` bound where it asks for it.

    Raises:
        InputError: The module does not load or does not define it.
    """
    function = user_module.load_function(
        component, params.module_file, "preprocessing_fn", params.preprocessing_fn
    )
    return _bound(function, params)


def stats_options_updater_fn(params: TransformParams, component: str) -> Callable[..., Any] | None:
    """Returns the user's `stats_options_updater_fn`, or None where there is none.

    Raises:
        InputError: A dotted path was given that names no function.
    """
    name = "stats_options_updater_fn"
    if params.stats_options_updater_fn:
        dotted = params.stats_options_updater_fn
        return _bound(user_module.load_function(component, "", name, dotted), params)
    if params.module_file:
        function = getattr(user_module.load_module(component, params.module_file), name, None)
        return None if function is None else _bound(function, params)
    return None


def _bound(function: Callable[..., Any], params: TransformParams) -> Callable[..., Any]:
    if "custom_config" not in inspect.signature(function).parameters:
        return function
    return functools.partial(function, custom_config=dict(params.custom_config))


def guarded(function: PreprocessingFn, component: str) -> PreprocessingFn:
    """Returns `preprocessing_fn` such that what goes wrong in it is told to its author.

    Raises (when called):
        InputError: The function raised, or returned something else than a dict of features.
    """

    def traced(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        outputs = user_module.call_user_function(component, function, inputs)
        if not isinstance(outputs, Mapping):
            raise InputError(
                f"{component}: preprocessing_fn returned {type(outputs).__name__}, expected a dict "
                "from feature names to tensors. Return all features in one dict."
            )
        if not outputs:
            raise InputError(
                f"{component}: preprocessing_fn returned no feature, expected at least one. "
                "Return those that the model needs, at least one of them."
            )
        return outputs

    return traced

"""Loads the functions that a pipeline author wrote for Transform."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.library.user_code import user_module
from headrace_components.transform.params import TransformParams

PreprocessingFn = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class UserFunctions:
    """The pipeline author's functions, with `custom_config` bound if a function asks for it.

    Attributes:
        preprocessing_fn: Turns raw features into transformed ones.
        stats_options_updater_fn: Adapts the options of the statistics, or None.
        module: The loaded module file; None if an installed package has the functions.
    """

    preprocessing_fn: PreprocessingFn
    stats_options_updater_fn: Callable[..., Any] | None
    module: ModuleType | None


def load(params: TransformParams, component: str) -> UserFunctions:
    """Loads the module file, or the functions that the dotted paths name.

    Raises:
        InputError: A module does not load, or lacks the function.
    """
    preprocess, updater = "preprocessing_fn", "stats_options_updater_fn"
    module = None
    if params.module_file:
        module = user_module.load_module(component, params.module_file)
        function = getattr(module, preprocess, None)
        if not callable(function):  # then this error lists the functions of the module
            function = user_module.load_function(component, params.module_file, preprocess)
        update = getattr(module, updater, None)
    else:
        function = user_module.load_function(component, "", preprocess, params.preprocessing_fn)
        dotted = params.stats_options_updater_fn
        update = user_module.load_function(component, "", updater, dotted) if dotted else None
    return UserFunctions(
        preprocessing_fn=_bound(function, params),
        stats_options_updater_fn=None if update is None else _bound(update, params),
        module=module,
    )


def _bound(function: Callable[..., Any], params: TransformParams) -> Callable[..., Any]:
    if "custom_config" not in inspect.signature(function).parameters:
        return function
    return functools.partial(function, custom_config=dict(params.custom_config))


def guarded(function: PreprocessingFn, component: str) -> PreprocessingFn:
    """Returns a `preprocessing_fn` that explains its errors to the author.

    Raises (when called):
        InputError: The function raised, or returned something else than a dict of features.
    """

    def traced(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        outputs = user_module.call_user_function(component, function, inputs)
        if not isinstance(outputs, Mapping):
            raise InputError(
                f"preprocessing_fn returned {type(outputs).__name__}, expected a dict "
                "from feature names to tensors. Return all features in one dict."
            )
        if not outputs:
            raise InputError(
                "preprocessing_fn returned no feature, expected at least one. "
                "Return those that the model needs, at least one of them."
            )
        return outputs

    return traced

"""The author's module in a cache key: the code that a task of a component uses."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from headrace.ir.view import ComponentSpec
from headrace.targets.local.cache.reach.reached_code import Reached, reached
from headrace_components.contract.declaration import cache_hooks, module_parameter
from headrace_components.contract.errors import InputError
from headrace_components.library.user_code.module_pack import is_packed, unpack


def module_code(component: ComponentSpec, parameters: Mapping[str, Any]) -> dict[str, Reached]:
    """Returns the code that a task uses of each parameter that carries a module."""
    if component.headrace_name is None:
        return {}
    parameter = module_parameter(component.headrace_name)
    value = parameters.get(parameter)
    if not isinstance(value, str) or not is_packed(value):
        return {}
    names = cache_hooks(component.headrace_name).module_names
    asked = None if names is None else tuple(names(parameters))
    try:
        return {parameter: _reached(value, asked, component.headrace_name)}
    except InputError:  # damaged: the task says so
        return {}


@lru_cache(maxsize=256)
def _reached(packed: str, names: tuple[str, ...] | None, component: str) -> Reached:
    entry, files = unpack(packed)
    text = cache_hooks(component).module_text
    return reached(files, entry, names, text)

"""What can be known of a task before it runs.

A component's parameters check themselves: types by `parameters.read`, values in the dataclass of
its `params.py`. What needs more than that is in its `early_checks.py`, in one or more functions,
each of which gets the dataclass:

`check(params)`: raises an `InputError` for values that no run could honour.

`functions(params)`: the functions that the module file must have, as a list of alternatives each.

`modules(params)`: the modules that parameters name, which the task imports: files that came with
the module file, or installed ones.

`splits_read(params)`: the splits that input artifacts must have, as `SplitNeed`s.

`splits_made(params, inputs)`: the names of the splits of each output artifact. `inputs` has those
of the input artifacts, where they are known; an output whose splits are not known is left out.

The compiler calls them for each task, with the parameters that are known by then, and again with
those of a run before it starts; executors call the same code, so that both say the same. Standard
library only. A value that only the run knows is missing from the dataclass: to ask for it ends the
check.
"""

import dataclasses
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeVar

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import converted

T = TypeVar("T")

_PREFIX = "headrace_components"


def checks_module(component: str) -> ModuleType | None:
    """Returns a component's `early_checks.py`; None where there is no such file or component."""
    return _module(component, "early_checks")


def params_class(component: str) -> type[Any] | None:
    """Returns the dataclass of a component's parameters; None where there is no such component."""
    module = _module(component, "params")
    if module is None:
        return None
    name = f"{_PREFIX}.{component}.params"
    classes = [
        value
        for value in vars(module).values()
        if dataclasses.is_dataclass(value)
        and isinstance(value, type)
        and value.__module__ == name
        and value.__name__.endswith("Params")
    ]
    return classes[-1] if classes else None


def known_parameters(component: str, values: Mapping[str, Any]) -> Any:
    """Returns a component's parameters of which some are not known; None for no such component.

    Args:
        component: Name of the component.
        values: The values that are known, by name. Names that are not parameters count for nothing.

    Returns:
        An instance of its dataclass, without the attributes that `values` lacks.

    Raises:
        InputError: A value is of another type, or no run could honour it.
    """
    cls = params_class(component)
    if cls is None:
        return None
    names = {field.name for field in dataclasses.fields(cls)}
    known = converted(cls, {k: v for k, v in values.items() if k in names}, component)
    if len(known) == len(names):
        return cls(**known)
    partial = object.__new__(cls)
    for name, value in known.items():
        object.__setattr__(partial, name, value)
    check = getattr(partial, "__post_init__", None)
    if check is not None and not _ends(check):
        _check_with_defaults(cls, known, names - set(known))
    return partial


def ask(function: Callable[..., T], params: Any, *args: Any) -> T | None:
    """Returns what a function of `early_checks.py` says, or None where it asks for the unknown."""
    try:
        return function(params, *args)
    except AttributeError as error:
        if error.obj is params:
            return None
        raise


def _ends(check: Callable[[], Any]) -> bool:
    try:
        check()
    except AttributeError as error:
        if error.obj is getattr(check, "__self__", None):
            return False
        raise
    return True


def _check_with_defaults(cls: type[Any], known: Mapping[str, Any], unknown: set[str]) -> None:
    """Checks what is known beside the defaults of what is not.

    An error that names an unknown parameter may be one of its default, and is none of the author's.
    """
    values = dict(known)
    for field in dataclasses.fields(cls):
        has_default = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        if field.name in unknown and not has_default:
            values[field.name] = "unknown"  # required parameters are all texts
    try:
        cls(**values)
    except InputError as error:
        named = {name for name in unknown if f"`{name}`" in str(error)}
        if not named:
            raise


def _module(component: str, part: str) -> ModuleType | None:
    name = f"{_PREFIX}.{component}"
    if importlib.util.find_spec(name) is None or importlib.util.find_spec(f"{name}.{part}") is None:
        return None
    return importlib.import_module(f"{name}.{part}")

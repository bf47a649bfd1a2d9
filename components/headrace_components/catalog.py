"""Every component: `from headrace_components.catalog import trainer`.

A component is made from the declaration in its folder, when it is first used.
"""

from typing import Any

from headrace_components.authoring import component
from headrace_components.contract import declaration


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return declaration.catalogue()
    declared = declaration.find(name)
    if declared is None or declared.own_ports:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = globals()[name] = component(declared)
    return made


def __dir__() -> list[str]:
    return declaration.catalogue()

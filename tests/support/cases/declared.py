"""The declarations of components, for tests."""

from typing import Any

from headrace_components.contract import declaration
from headrace_components.contract.declaration import Component

CUDA_VARIANTS = {
    name: image for name in declaration.names() if (image := declaration.cuda_image(name))
}
ISOLATED = {name for name in declaration.names() if declaration.is_isolated(name)}


def component(name: str) -> Component:
    found = declaration.find(name)
    assert found is not None
    return found


def cache(name: str) -> Any:
    """Returns the cache hooks of a component that has some."""
    return component(name).cache

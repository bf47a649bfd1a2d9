"""Which translator a node has: by its class, or by the class of its executor."""

from typing import Any

from headrace.frontend.tfx_pipelines import (
    components,
    importers,
    own_components,
    refusals,
    resolvers,
)
from headrace.frontend.tfx_pipelines.translation import Translation, Translator
from headrace_tfx.authoring.importer import Importer
from headrace_tfx.authoring.manual_node import ManualNode
from headrace_tfx.authoring.resolver import Resolver

_OWN_CODE = "headrace_tfx.components.executors"


def translator_of(node: Any, translation: Translation) -> Translator:
    """Returns the translator of a node.

    Raises:
        CompileError: There is none, or the node has a driver of its own.
    """
    if isinstance(node, Resolver):
        return resolvers.resolver
    if isinstance(node, Importer):
        return importers.importer
    if isinstance(node, ManualNode):
        return refusals.MANUAL_NODE
    if node.driver_class is not None:
        raise translation.error(
            f"it has the driver {node.driver_class.__name__}, and Headrace runs no drivers of TFX. "
            "Compute what it decides in a @component, and pass the result on."
        )
    executor = getattr(node.executor_spec, "executor_class", None)
    if executor is not None and executor.__module__ == _OWN_CODE:
        return components.TRANSLATORS[executor.__name__]
    if own_components.is_own(node):
        return own_components.own_component
    raise translation.error(
        f"Headrace has no component for {type(node).__name__}. docs/from-tfx.md says what to use "
        "instead."
    )

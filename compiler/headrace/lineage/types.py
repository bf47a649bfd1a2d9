"""The names under which TFX files executions and artifacts in ML Metadata.

Headrace stores its artifacts under the same names, so that readers of a TFX store - notebooks,
`store.get_executions_by_type`, TFX's resolvers - can also read Headrace's. Source: the component
classes and `tfx/types/standard_artifacts.py` of TFX 1.16.
"""

from functools import cache

from headrace_components.contract import artifact_types
from headrace_components.contract.artifact_types import ArtifactType
from headrace_components.contract.declaration import find, names

CONTEXT_TYPES = ("pipeline", "pipeline_run", "node")

# TFX looks for `Split-<name>` directories only in artifacts that carry a version of at least 0.29,
# and for bare `<name>` ones in all others. The layouts of Headrace are those of this version.
TFX_LAYOUT_VERSION = "1.16.0"

RESOLVER = "tfx.dsl.components.common.resolver.Resolver"

IMPORTER = "importer"
_IMPORTER_TYPE = "tfx.dsl.components.common.importer.Importer"


def artifact_type(title: str) -> ArtifactType:
    """Returns the type to file an artifact under, by its title, such as `tfx.Examples`."""
    known = artifact_types.BY_TFX_TITLE.get(title)
    if known is not None:
        return known
    return ArtifactType(schema_title=title, tfx_title=title if title.startswith("tfx.") else "")


def execution_type(component: str) -> tuple[str, str]:
    """Returns the type name of a component's executions, and its base class or an empty string.

    A component that is not Headrace's is filed under its own name.
    """
    if component == IMPORTER:
        return _IMPORTER_TYPE, ""
    declared = find(component)
    if declared is None:
        return component, ""
    return declared.execution_type or component, declared.execution_base


def component_of(type_name: str) -> str:
    """Returns the component that files its executions under `type_name`."""
    return _components().get(type_name, type_name)


@cache
def _components() -> dict[str, str]:
    declared = [found for found in map(find, names()) if found is not None]
    found = {each.execution_type: each.name for each in declared if each.execution_type}
    return {_IMPORTER_TYPE: IMPORTER, **found}

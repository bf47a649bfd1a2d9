"""How lineage describes a task: in TFX's words, where TFX has some for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.ir.view import ComponentSpec
from headrace.lineage.types import IMPORTER, RESOLVER
from headrace.targets.local.shared.results import RuntimeArtifact, TaskInputs
from headrace_components.contract.declaration import find
from headrace_components.contract.property_types import IMPORTED_KEY
from headrace_components.python_component.params import CODE, OBJECT, PORTS

_OUTPUT_KEY = "output_key"
_DEFAULT_KEY = "result"  # of TFX's Importer


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """How lineage describes a task.

    Attributes:
        component: Name of the component, or the type of its executions.
        parameters: Values by name.
        inputs: Artifacts by port, with those of values.
        ports: Names of outputs that are called otherwise in lineage.
        is_resolver: Whether its outputs are artifacts that other tasks made.
        is_new: Whether its outputs are new artifacts, also if their URIs are known.
    """

    component: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, tuple[RuntimeArtifact, ...]] = field(default_factory=dict)
    ports: Mapping[str, str] = field(default_factory=dict)
    is_resolver: bool = False
    is_new: bool = False

    @property
    def name(self) -> str:
        """The name of the component for people: `Count` of `steps.counting.Count`."""
        return self.component.rpartition(".")[2]


def described(component: ComponentSpec, inputs: TaskInputs) -> Described:
    """Returns how lineage describes a task that is no importer."""
    declared = find(component.headrace_name)
    given = {**inputs.artifacts, **inputs.values}
    if declared is not None and declared.own_ports:
        hidden = {CODE, OBJECT, PORTS, *inputs.values}
        return Described(
            component=inputs.parameters[PORTS].get("execution_type") or component.name,
            parameters={
                name: value for name, value in inputs.parameters.items() if name not in hidden
            },
            inputs=given,
        )
    is_resolver = declared is not None and declared.execution_type == RESOLVER
    key = inputs.parameters.get(_OUTPUT_KEY, "") if is_resolver else ""
    return Described(
        component=component.headrace_name or component.name,
        parameters={
            name: value
            for name, value in inputs.parameters.items()
            if not (is_resolver and name == _OUTPUT_KEY)
        },
        inputs=given,
        ports=dict.fromkeys(component.output_artifacts, key) if key else {},
        is_resolver=is_resolver,
    )


def described_importer(component: ComponentSpec, artifact: RuntimeArtifact) -> Described:
    """Returns how lineage describes the importer of an artifact."""
    importer = component.executor["importer"]
    key = str(importer.get("metadata", {}).get(IMPORTED_KEY, _DEFAULT_KEY))
    reimports = bool(importer.get("reimport"))
    return Described(
        component=IMPORTER,
        parameters={
            "artifact_uri": artifact.uri,
            _OUTPUT_KEY: key,
            "reimport": int(reimports),
        },
        ports=dict.fromkeys(component.output_artifacts, key),
        is_new=reimports,
    )

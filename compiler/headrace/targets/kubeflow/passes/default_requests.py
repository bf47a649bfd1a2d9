"""Sets the minimum requests for tasks of Headrace's components on Kubeflow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.compilation.passes.resources import asks, cpu_fields, memory_fields
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.declaration import Footprint, find


@dataclass(frozen=True, kw_only=True, slots=True)
class PodRequest:
    """The resources that must be free on a node.

    Attributes:
        cpu: Cores.
        memory: As `512Mi`.
    """

    cpu: float
    memory: str


# docs/kubeflow.md has the measured figures; for resources that grow with the data, the author must
# set requests.
_BY_FOOTPRINT: Mapping[Footprint, PodRequest] = {
    "training": PodRequest(cpu=0.5, memory="1Gi"),
    "rows": PodRequest(cpu=0.5, memory="768Mi"),
    "statistics": PodRequest(cpu=0.25, memory="512Mi"),
    "reading": PodRequest(cpu=0.25, memory="256Mi"),
    "files": PodRequest(cpu=0.05, memory="128Mi"),
}


def request_of(component: str) -> PodRequest:
    """Returns the request of a component."""
    declared = find(component)
    return _BY_FOOTPRINT[declared.footprint if declared else "files"]


def apply_default_requests(spec: Mapping[str, Any]) -> Spec:
    """Returns `spec` with requests of CPU and memory for tasks without any in pipeline and profile.

    A limit alone is a request, too, so it stays alone. What others' components need, their authors
    know.
    """
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        component = node.headrace_name
        if component is None:
            continue
        request, resources = request_of(component), dict(node.container.get("resources", {}))
        if not asks(resources, "cpu", "Limit") and not asks(resources, "cpu", "Request"):
            resources |= cpu_fields("Request", request.cpu)
        if not asks(resources, "memory", "Limit") and not asks(resources, "memory", "Request"):
            resources |= memory_fields("Request", request.memory)
        node.container["resources"] = resources
    return result

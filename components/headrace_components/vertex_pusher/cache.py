"""What VertexPusher leaves outside of its outputs."""

from headrace_components.contract.cache import Inputs, Params


def external_state(params: Params, inputs: Inputs) -> str | None:
    """Returns None: only a run can tell what Vertex AI has; it uploads nothing twice."""
    return None

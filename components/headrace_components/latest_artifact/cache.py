"""What LatestArtifact reads besides its input artifacts."""

from headrace_components.cache import Inputs, Params


def external_state(params: Params, inputs: Inputs) -> str | None:
    """Returns None: what earlier runs left, only a run can tell."""
    return None

"""What LatestBlessedModel reads besides its input artifacts."""

from headrace_components.cache import Inputs, Params


def external_state(params: Params, inputs: Inputs) -> str | None:
    """Returns None: which models earlier runs blessed, only a run can tell."""
    return None

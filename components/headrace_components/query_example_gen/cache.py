"""What QueryExampleGen reads besides its input artifacts."""

from headrace_components.contract.cache import Inputs, Params


def external_state(params: Params, inputs: Inputs) -> str | None:
    """Returns None: only the query tells what a database holds, so the task is always run."""
    return None

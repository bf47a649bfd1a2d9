"""What LatestArtifact reads besides its input artifacts."""

import importlib
from typing import Any

from headrace_components.contract.cache import Inputs, Params


def external_state(params: Params, inputs: Inputs) -> str | None:
    """Returns None: what earlier runs left, only a run can tell."""
    return None


def earlier_state(params: Params, output: Any) -> str:
    """Returns what stands for the artifact that would be found: its contents.

    Args:
        params: Parameters of the task.
        output: An output artifact of a task of the same run.

    Raises:
        InputError: There is nothing at `search_root`.
        PlatformError: A store does not answer.
    """
    # By name: what searches a store needs more than the compiler has, which looks at this module.
    executor = importlib.import_module("headrace_components.latest_artifact.executor")
    state: str = executor.state(params, output)
    return state

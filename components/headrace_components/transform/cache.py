"""What Transform takes from where it runs, and which of its inputs changes nothing."""

from headrace_components.contract.cache import Inputs, Params
from headrace_components.library.user_code.code_state import code_state


def environment_state(params: Params) -> str | None:
    """Returns a fingerprint of the code of the functions, or None where only a run can tell."""
    return code_state(params, "preprocessing_fn", "stats_options_updater_fn")


def relevant_inputs(inputs: Inputs) -> Inputs:
    """Returns `inputs` without the accumulators of an earlier run, which only save work."""
    return {key: uris for key, uris in inputs.items() if key != "analyzer_cache"}

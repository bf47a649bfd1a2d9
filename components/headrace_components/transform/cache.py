"""What Transform takes from where it runs."""

from headrace_components.cache import Params
from headrace_components.user_code.code_state import code_state


def environment_state(params: Params) -> str | None:
    """Returns a fingerprint of the code of the functions, or None where only a run can tell."""
    return code_state(params, "preprocessing_fn", "stats_options_updater_fn")

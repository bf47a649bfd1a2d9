"""What Tuner takes from where it runs."""

from headrace_components.contract.cache import Params
from headrace_components.library.user_code.code_state import code_state


def environment_state(params: Params) -> str | None:
    """Returns a fingerprint of the code of `tuner_fn`, or None where only a run can tell."""
    return code_state(params, "tuner_fn")

"""What FilterExamples reads besides its input artifacts."""

from headrace_components.cache import Inputs, Params, file_fingerprint
from headrace_components.user_code.module_pack import is_packed


def external_state(params: Params, inputs: Inputs) -> str | None:
    """Returns a fingerprint of the module file, or None where only a run can tell.

    That is so for a dotted path: which files it comes to is known when it is imported.
    """
    module_file = params.get("module_file", "")
    if not module_file:
        return None
    return "" if is_packed(module_file) else file_fingerprint(module_file)

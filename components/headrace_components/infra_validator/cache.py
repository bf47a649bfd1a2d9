"""What infra_validator takes from where it runs: the server that is there to be started."""

import shutil

from headrace_components.contract.cache import Params, file_fingerprint


def environment_state(params: Params) -> str | None:
    """Returns the fingerprint of the model server's binary; a fixed word where there is none."""
    binary = shutil.which("tensorflow_model_server")
    return file_fingerprint(binary) if binary else "embedded"

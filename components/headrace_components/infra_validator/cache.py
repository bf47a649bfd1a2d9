"""What infra_validator depends on beyond its inputs: the server that is there to be started."""

import shutil

from headrace_components.cache import Inputs, Params, file_fingerprint


def external_state(params: Params, inputs: Inputs) -> str | None:
    """Returns the fingerprint of the model server's binary; a fixed word where there is none."""
    binary = shutil.which("tensorflow_model_server")
    return file_fingerprint(binary) if binary else "embedded"

"""What ImportSchemaGen reads besides its input artifacts."""

from headrace_components.cache import Inputs, Params, file_fingerprint


def external_state(params: Params, inputs: Inputs) -> str | None:
    """Returns a fingerprint of the schema file, or None where only a run can tell."""
    return file_fingerprint(params["schema_file"])

"""Names that the compiler and the task before a component agree on."""

from headrace_components.contract.templates import INPUT_PREFIX

COMPONENT = "component"
"""The parameter that names the component; the others are those of the component itself."""

FINGERPRINT = "fingerprint"
"""The output parameter."""

FINGERPRINT_INPUT = f"{INPUT_PREFIX}headrace--input-fingerprint"
"""The input by which the component's task has it in its key; the component does not read it."""

UNKNOWN = "unknown:"
"""The beginning of a fingerprint that could not be computed."""

PLACE = "place"
"""The output artifact, if the component looks for earlier runs: it shows where these are."""

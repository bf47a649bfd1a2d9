"""The messages of TFX's `distribution_validator.proto`."""

from headrace_tfx.protos.building import names_of

globals().update(names_of("distribution_validator"))

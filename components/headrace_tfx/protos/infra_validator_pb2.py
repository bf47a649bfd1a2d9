"""The messages of TFX's `infra_validator.proto`."""

from headrace_tfx.protos.building import names_of

globals().update(names_of("infra_validator"))

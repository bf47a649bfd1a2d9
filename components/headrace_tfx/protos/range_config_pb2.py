"""The messages of TFX's `range_config.proto`."""

from headrace_tfx.protos.building import names_of

globals().update(names_of("range_config"))

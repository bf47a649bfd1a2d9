"""The messages of TFX's `transform.proto`."""

from headrace_tfx.protos.building import names_of

globals().update(names_of("transform"))

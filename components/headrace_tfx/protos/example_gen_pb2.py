"""The messages of TFX's `example_gen.proto`."""

from headrace_tfx.protos.building import names_of

globals().update(names_of("example_gen"))

"""The messages of TFX's `example_diff.proto`."""

from headrace_tfx.protos.building import names_of

globals().update(names_of("example_diff"))

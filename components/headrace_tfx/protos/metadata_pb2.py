"""The messages of TensorFlow Metadata that TFX's messages use."""

from headrace_tfx.protos.building import names_of

globals().update(names_of("metadata"))

"""The messages of TFX's `trainer.proto`."""

from headrace_tfx.protos.building import names_of

globals().update(names_of("trainer"))

"""The messages of TFX's `evaluator.proto`."""

from headrace_tfx.protos.building import names_of

globals().update(names_of("evaluator"))

"""The messages of TFX's `run_state.proto`."""

from headrace_tfx.protos.building import names_of

globals().update(names_of("run_state"))

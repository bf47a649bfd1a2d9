"""The messages of TFX's `pusher.proto`."""

from headrace_tfx.protos.building import names_of

globals().update(names_of("pusher"))

"""The messages of TFX's `bulk_inferrer.proto`."""

from headrace_tfx.protos.building import names_of

globals().update(names_of("bulk_inferrer"))

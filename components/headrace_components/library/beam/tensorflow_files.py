"""Checks locations that TensorFlow itself opens on workers, such as those of SavedModels."""

import tensorflow as tf

from headrace_components.contract.errors import InputError


def checked(location: str) -> str:
    """Returns a location that TensorFlow can open.

    Raises:
        InputError: TensorFlow has no file system for it, even if Beam has one.
    """
    scheme, separator, _ = location.partition("://")
    if separator and scheme not in tf.io.gfile.get_registered_schemes():
        raise InputError(
            f"with `beam_pipeline_args`, TensorFlow opens {location} on workers, "
            f"expected gs:// or a path: it has no file system for {scheme}://. Keep the root of "
            "the pipeline in a bucket of gs:// or on a disk that all workers mount, or leave the "
            "runner out."
        )
    return location

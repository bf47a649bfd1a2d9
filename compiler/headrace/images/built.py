"""Shared by all images that are built from `images/`: their Python, and their names."""

# The base image is Debian 13, whose glibc is 2.41.
PYTHON_VERSION = "3.13"
PLATFORM = "x86_64-manylinux_2_40"

LOCAL_REGISTRY = "localhost/headrace"
DEFAULT_TAG = "dev"


def reference(name: str, tag: str = DEFAULT_TAG) -> str:
    """Returns the name of a built image in the engine's own store."""
    return f"{LOCAL_REGISTRY}/{name}:{tag}"

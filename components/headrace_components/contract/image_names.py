"""Logical image names, which the compiler replaces by registry references pinned by digest."""

# The top-level domain `.invalid` never resolves (RFC 2606), so a name that the compiler missed
# fails at once and by name instead of pulling somebody else's image.
IMAGE_PREFIX = "headrace.invalid/"

ISOLATED = frozenset({"tfjs_converter"})
"""Components whose packages conflict with those of the others, so that no environment holds all."""

CUDA_VARIANTS = {name: f"{name}_cuda" for name in ("bulk_inferrer", "trainer", "tuner")}
"""Images with CUDA, for NVIDIA's GPUs, by the name of the image that each is a variant of."""


def image(name: str) -> str:
    """Returns the logical reference of the image `name`, as `headrace.invalid/pusher`."""
    return IMAGE_PREFIX + name

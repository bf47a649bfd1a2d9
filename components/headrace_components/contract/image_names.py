"""Logical image names, which the compiler replaces by registry references pinned by digest."""

# The top-level domain `.invalid` never resolves (RFC 2606), so a name that the compiler missed
# fails at once and by name instead of pulling somebody else's image.
IMAGE_PREFIX = "headrace.invalid/"


def image(name: str) -> str:
    """Returns the logical reference of the image `name`, such as `headrace.invalid/pusher`."""
    return IMAGE_PREFIX + name

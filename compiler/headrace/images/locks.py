"""The locks of images, in a source tree or an installed Headrace."""

import hashlib
from pathlib import Path

from headrace.images.definitions import LOCK_FILE
from headrace_components.contract.errors import InputError


def lock_file(image: str) -> Path:
    """Returns the lock of an image: that of the source tree, or the one in Headrace's wheel.

    Raises:
        InputError: There is no lock.
    """
    package = Path(__file__).parents[1]
    places = [folder / "images" / image / LOCK_FILE for folder in (package, package.parents[1])]
    for place in places:
        if place.is_file():
            return place
    raise InputError(
        f"{image}: it runs in its own environment, but its lock is at none of "
        f"{[str(place) for place in places]}. Install Headrace again, or run "
        f"`make lock/{image}` in its source tree."
    )


def has_packages(lock: Path) -> bool:
    """Returns whether a lock names any package."""
    return any("==" in line for line in lock.read_text("utf-8").splitlines())


def lock_digest(image: str) -> str:
    """Returns the SHA-256 of an image's lock."""
    return hashlib.sha256(lock_file(image).read_bytes()).hexdigest()

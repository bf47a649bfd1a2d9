"""Finds the service that runs pipelines of a target."""

from headrace.contract.service import Remote
from headrace.contract.target import target_named
from headrace.profiles.profile import Profile
from headrace_components.contract.errors import InputError


def connect(target: str, profile: Profile) -> Remote:
    """Returns the service that runs pipelines of `target`.

    Raises:
        InputError: A setting of the profile is missing, or the service's client is not installed.
        PlatformError: This machine has no credentials for the service.
    """
    remote = target_named(target).connect(profile)
    if remote is None:
        raise InputError(f"headrace: no service runs pipelines of target {target!r}. Name another.")
    return remote

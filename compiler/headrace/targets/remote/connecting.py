"""Finds the service that runs pipelines of a target."""

import importlib

from headrace.profiles.profile import Profile
from headrace.targets.registry import Target
from headrace.targets.remote.service import Remote


def connect(target: Target, profile: Profile) -> Remote:
    """Returns the service that runs pipelines of `target`.

    Raises:
        InputError: A setting of the profile is missing, or the service's client is not installed.
        PlatformError: This machine has no credentials for the service.
    """
    module = importlib.import_module(f"headrace.targets.{target}.submit")
    remote: Remote = module.connect(profile)
    return remote

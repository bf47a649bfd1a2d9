"""The error of a service that does not answer."""

from headrace_components.contract.errors import PlatformError


class ContactLostError(PlatformError):
    """The service cannot be reached or stays busy, which may pass; what runs there goes on."""

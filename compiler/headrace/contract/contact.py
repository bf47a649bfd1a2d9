"""The error of a service that does not answer."""

from headrace_components.contract.errors import PlatformError


class ContactLostError(PlatformError):
    """The service cannot be reached or is too busy, maybe only for a while; its runs go on."""

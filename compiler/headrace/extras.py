"""Headrace's optional packages: what asks for one that is not installed, and how to get it."""

from importlib.util import find_spec

from headrace_components.contract.errors import InputError


def require(module: str, *, extra: str, who: str, purpose: str) -> None:
    """Checks that a package of one of Headrace's extras is installed; it is not imported.

    Args:
        module: Its top-level module.
        extra: The extra that brings it, as `embedded`.
        who: Who asks, as the message begins with.
        purpose: What needs it, as `runs on this machine`.

    Raises:
        InputError: It is not installed; the message says what to run.
    """
    if find_spec(module) is None:
        raise not_installed(module, extra=extra, who=who, purpose=purpose)


def not_installed(module: str, *, extra: str, who: str, purpose: str) -> InputError:
    """Returns the error for a package that is missing; the arguments are those of `require`."""
    return InputError(
        f"{who}: the Python package of {module} is not installed, which {purpose} need. Run "
        f"`{install_command(extra)}`; `headrace doctor` says what this machine can have."
    )


def install_command(extra: str = "") -> str:
    """Returns the command that installs Headrace with an extra, as a shell takes it."""
    return f"pip install 'headrace[{extra}]'" if extra else "pip install headrace"

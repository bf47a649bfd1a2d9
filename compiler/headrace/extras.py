"""Headrace's optional packages: checks that one is installed, and says how to install it."""

from importlib.util import find_spec

from headrace_components.contract.errors import InputError


def is_installed(module: str) -> bool:
    """Returns whether a package is installed, without importing it."""
    return find_spec(module) is not None


def require(module: str, *, extra: str, who: str, purpose: str) -> None:
    """Checks that a package of one of Headrace's extras is installed, without importing it.

    Args:
        module: Its top-level module.
        extra: The extra that contains it, such as `embedded`.
        who: The caller, for the beginning of the message.
        purpose: The work that needs it, such as `runs on this machine`.

    Raises:
        InputError: It is not installed; the message says what to run.
    """
    if not is_installed(module):
        raise not_installed(module, extra=extra, who=who, purpose=purpose)


def not_installed(module: str, *, extra: str, who: str, purpose: str) -> InputError:
    """Returns the error for a package that is missing; the arguments are those of `require`."""
    return InputError(
        f"{who}: the Python package of {module} is not installed, which {purpose} need. Run "
        f"`{install_command(extra)}`; `headrace doctor` says what this machine can have."
    )


def install_command(extra: str = "") -> str:
    """Returns the command that installs Headrace with an extra, in the syntax of a shell."""
    return f"pip install 'headrace[{extra}]'" if extra else "pip install headrace"

"""Errors for the author of a pipeline or of a target profile."""

from headrace_components.contract.errors import InputError


class CompileError(InputError):
    """There is a mistake in the pipeline or its target profile.

    The message has the place (file and line, task or setting), what was found, what was expected
    and the next step. The command line prints it unchanged and exits with code 2.
    """

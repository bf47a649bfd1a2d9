"""What the compiler reports to the author of a pipeline or of a target profile."""

from headrace_components.contract.errors import InputError


class CompileError(InputError):
    """The pipeline or its target profile has to change before it can be compiled.

    The message says where (file and line, task or setting), what was found, what was expected and
    the next step. The command line prints it as it is and exits with code 2.
    """

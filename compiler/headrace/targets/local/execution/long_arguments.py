"""Values that are longer than an argument of a process may be."""

from collections.abc import Sequence
from pathlib import Path

from headrace_components.contract.errors import InputError

# MAX_ARG_STRLEN of Linux, with the final zero.
MAX_ARGUMENT_BYTES = 128 * 1024


def startable(arguments: Sequence[str], *, task: str, file: Path, reads_files: bool) -> list[str]:
    """Returns a command line in which an argument that is too long is replaced by a file.

    Args:
        arguments: The command line, with all values in it.
        task: Name of the task, for error messages.
        file: Where to write it.
        reads_files: Whether the task accepts `@FILE` instead of an argument, like Headrace's
            components.

    Raises:
        InputError: An argument is too long, and the task reads no files.
    """
    found = []
    for argument in arguments:
        size = len(argument.encode())
        if size < MAX_ARGUMENT_BYTES:
            found.append(argument)
        elif reads_files:
            file.write_text(argument, "utf-8")
            found.append(f"@{file}")
        else:
            raise InputError(
                f"{task}: an argument of its command has {size:,} bytes, but a process is started "
                f"with less than {MAX_ARGUMENT_BYTES:,} each. Put the value into a file or an "
                "artifact, and pass that."
            )
    return found

"""`python -m headrace.tfx FILE.py [FLAGS]` runs a program of TFX's, whose runners use Headrace.

`python -m headrace.tfx pipeline create ...` is TFX's own command line.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from headrace.frontend.loading import author_modules
from headrace.frontend.tfx_pipelines.capture import run_as_main
from headrace.tfx.activation import activate
from headrace_components.contract.errors import ComponentError, InputError, PlatformError

_USAGE = (
    "usage: python -m headrace.tfx FILE.py [FLAGS], or: python -m headrace.tfx kernel install, or "
    "TFX's commands: python -m headrace.tfx template|pipeline|run ..."
)
_GROUPS = ("template", "pipeline", "run")  # of TFX's commands
_EXIT_TASK_FAILED = 1
_EXIT_INPUT_ERROR = 2
_EXIT_PLATFORM_ERROR = 75
_EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Runs a file as `python FILE.py FLAGS` does, with `tfx` importable, and returns its exit code.

    Args:
        arguments: The file and its flags.

    Returns:
        The codes of `headrace`: 0, 1 if a task failed, 2 for a mistake of the author's, 75 for a
        failure of the platform, 130 after an interruption.
    """
    if list(arguments[:1]) == ["kernel"]:
        from headrace.tfx import kernel

        return kernel.main(arguments[1:])
    if not arguments or arguments[0] in ("-h", "--help"):
        _say(f"{__doc__}\n\n{_USAGE}")
        return 0 if arguments else _EXIT_INPUT_ERROR
    try:
        return _commanded(arguments) if arguments[0] in _GROUPS else _run_program(arguments)
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except ComponentError as error:
        _say(f"error: {error}")
        kinds = {InputError: _EXIT_INPUT_ERROR, PlatformError: _EXIT_PLATFORM_ERROR}
        return next((kinds[kind] for kind in kinds if isinstance(error, kind)), _EXIT_TASK_FAILED)


def _run_program(arguments: Sequence[str]) -> int:
    path = Path(arguments[0]).resolve()
    if not path.is_file():
        _say(f"error: headrace.tfx: {arguments[0]!r} is not a file, expected a program. {_USAGE}")
        return _EXIT_INPUT_ERROR
    activate(path.parent)
    with author_modules(path.parent):
        run_as_main(path, arguments[1:])
    return 0


def _commanded(arguments: Sequence[str]) -> int:
    from headrace.tfx.commands import main as commands

    return commands.main(arguments)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A Jupyter kernel in which `tfx` can be imported: Python's own, with Headrace for TFX."""

import argparse
import json
import os
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

from headrace.extras import require

_NAME = "headrace"
_WHO = "python -m headrace.tfx kernel"


def main(arguments: Sequence[str]) -> int:
    """Installs the kernel's description, or is the kernel.

    Args:
        arguments: `install` with its options, or what Jupyter gives a kernel: `-f FILE`.

    Returns:
        The exit code.

    Raises:
        InputError: ipykernel is not installed.
    """
    require("ipykernel", extra="notebooks", who=_WHO, purpose="kernels of notebooks")
    if list(arguments[:1]) == ["install"]:
        return _install(arguments[1:])
    return _launch(list(arguments))


def _launch(arguments: list[str]) -> int:
    from ipykernel.kernelapp import IPKernelApp

    # IPython adds the current directory itself, and follows a change of it.
    if sys.path and sys.path[0] in ("", str(Path.cwd())):
        del sys.path[0]
    _find_commands()
    IPKernelApp.launch_instance(argv=arguments)
    return 0


def _find_commands() -> None:
    """Lets `!saved_model_cli` and the like be those of this environment, as if it was activated.

    `!tfx` is ours, in front of that of a TFX that is installed.
    """
    own = [sysconfig.get_path("scripts")]
    if os.environ.get("HEADRACE_TFX") != "installed":
        own.insert(0, str(Path(__file__).parent / "bin"))
    others = [each for each in os.environ.get("PATH", "").split(os.pathsep) if each not in own]
    os.environ["PATH"] = os.pathsep.join([*own, *others])


def _install(arguments: Sequence[str]) -> int:
    from jupyter_client.kernelspec import KernelSpecManager

    options = _parser().parse_args(arguments)
    prefix = sys.prefix if options.sys_prefix else options.prefix
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "kernel.json").write_text(description(options.display_name), "utf-8")
        where = KernelSpecManager().install_kernel_spec(
            directory, options.name, user=not prefix, prefix=prefix
        )
    print(f"Installed the kernel {options.name!r} at {where}.")  # noqa: T201  a command's answer
    return 0


def description(display_name: str) -> str:
    """Returns the `kernel.json` of a kernel of this interpreter."""
    return json.dumps(
        {
            "argv": [sys.executable, "-m", "headrace.tfx", "kernel", "-f", "{connection_file}"],
            "display_name": display_name,
            "language": "python",
            "metadata": {"debugger": True},
        },
        indent=1,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{_WHO} install", description="Lets Jupyter offer this kernel."
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--user", action="store_true", help="for this user, in all environments (the default)"
    )
    place.add_argument("--sys-prefix", action="store_true", help="in this Python environment")
    place.add_argument("--prefix", help="below this directory")
    parser.add_argument(
        "--name",
        default=_NAME,
        help="name of the kernel; python3 takes the place of the usual one (default: %(default)s)",
    )
    parser.add_argument(
        "--display-name", default="Headrace", help="what Jupyter shows (default: %(default)s)"
    )
    return parser

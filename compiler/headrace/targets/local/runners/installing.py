"""The commands that make an environment: with uv, which is faster, or with pip."""

import os
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from headrace.targets.local.runners.package_steps import PackageSteps

_QUIET_PIP = ["--quiet", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
# Options that both support. A call with any other option is left to pip.
_OF_BOTH = frozenset(
    {"--index-url", "-i", "--extra-index-url", "--find-links", "-f", "--no-deps", "--pre", "-U"}
    | {"--upgrade", "--no-cache-dir"}
)
# As in pip: the best version of all indexes, not of the first one that has the package.
_PIPS_CHOICE = ["--index-strategy", "unsafe-best-match"]

# A directory of packages after those of an environment, including what its own .pth files add.
_SITE = """\
import pathlib, sys, sysconfig
lines = [f"import site; site.addsitedir({each!r})" for each in sys.argv[1:]]
pathlib.Path(sysconfig.get_path("purelib"), "headrace_image.pth").write_text("\\n".join(lines))
"""


def from_lock(environment: Path, lock: Path, base: Path) -> list[list[str]]:
    """Returns the commands that make an environment from a lock.

    Args:
        environment: The directory to make.
        lock: The lock, with hashes.
        base: The Python to make it with.
    """
    python = str(environment / "bin/python")
    # The lock is complete; requirements of a package that it leaves out are not needed.
    options = ["--no-deps", "--require-hashes", "--requirement", str(lock)]
    uv = _uv()
    if uv:
        return [
            [uv, "venv", "--quiet", "--no-project", "--python", str(base), str(environment)],
            [uv, "pip", "install", "--quiet", "--python", python, *options],
        ]
    return [
        [str(base), "-m", "venv", str(environment)],
        [python, "-m", "pip", "install", *_QUIET_PIP, *options],
    ]


def from_packages(
    environment: Path, steps: PackageSteps, base: Path, below: Sequence[str]
) -> list[list[str]]:
    """Returns the commands that make an environment in the same way as a component's calls of pip.

    Args:
        environment: The directory to make.
        steps: The packages that the component installs.
        base: The Python for the environment, which is that of Headrace.
        below: Directories of packages that follow those of the environment.
    """
    python = str(environment / "bin/python")
    uv = _uv()
    # With pip in it, as in Python's images: a component may call it.
    if find_spec("ensurepip") or not uv:
        commands = [[str(base), "-m", "venv", str(environment)]]
    else:
        commands = [
            [uv, "venv", "--quiet", "--no-project", "--python", str(base), str(environment)]
        ]
    for call in steps.calls:
        if uv and (options := _for_uv(call)) is not None:
            commands.append([uv, "pip", "install", "--quiet", "--python", python, *options])
        else:
            commands.append([python, "-m", "pip", "install", *_QUIET_PIP, *call])
    if below:
        commands.append([python, "-c", _SITE, *below])
    return commands


def _for_uv(call: Sequence[str]) -> list[str] | None:
    """Returns the arguments of a `pip install` in uv's form; None if uv lacks an option."""
    options = list(_PIPS_CHOICE) if "--extra-index-url" in call else []
    for word in call:
        if word == "--trusted-host":
            options.append("--allow-insecure-host")
        elif word.startswith("-") and word not in _OF_BOTH:
            return None
        else:
            options.append(word)
    return options


def _uv() -> str | None:
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return shutil.which("uv", path=search)

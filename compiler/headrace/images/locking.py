"""Resolves the locks of images with uv."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from headrace.images.built import PLATFORM, PYTHON_VERSION
from headrace.images.definitions import IN_FILE, Image
from headrace_components.contract.declaration import is_isolated
from headrace_components.contract.errors import InputError, PlatformError

OLDEST_PYTHON_VERSION = "3.11"

# All images have the versions that the tests of the embedded environment ran with.
_CONSTRAINTS = Path("local/tfx-1.21.lock")


def is_current(image: Image) -> bool:
    """Returns whether an image's lock was resolved from its current requirements."""
    if not image.lock.is_file():
        return False
    with image.lock.open(encoding="utf-8") as lock:
        return lock.readline() == _first_line(image)


def check_current(image: Image) -> None:
    """Raises InputError if an image's lock does not fit its requirements."""
    if not is_current(image):
        state = "is older than what it is resolved from" if image.lock.is_file() else "is missing"
        raise InputError(
            f"images: {image.lock} {state}, {image.folder / IN_FILE} with its layers and excludes. "
            f"Run `make lock/{image.name}`."
        )


def num_packages(image: Image) -> int:
    """Returns the number of packages in an image's lock; 0 without a lock."""
    if not image.lock.is_file():
        return 0
    return sum("==" in line for line in image.lock.read_text("utf-8").splitlines())


def lock(image: Image, root: Path) -> None:
    """Resolves the requirements of an image and writes its lock, whole or not at all.

    Args:
        image: The image.
        root: The folder `images/`.

    Raises:
        InputError: The requirements contradict one another.
        PlatformError: uv is not installed, or found no package index.
    """
    with tempfile.TemporaryDirectory() as directory:
        # The input of uv, which is not kept.
        wanted, excluded = Path(directory, "wanted.in"), Path(directory, "excluded.txt")
        wanted.write_text("".join(f"{each.text}\n" for each in image.requirements()), "utf-8")
        excluded.write_text("".join(f"{name}\n" for name in image.excluded()), "utf-8")
        is_empty = not wanted.stat().st_size  # uv would warn
        text = "" if is_empty else _resolved(image, wanted, excluded, root / _CONSTRAINTS)
    partial = image.lock.with_suffix(".partial")
    partial.write_text(_first_line(image) + text, "utf-8")
    partial.replace(image.lock)


def _resolved(image: Image, wanted: Path, excluded: Path, constraints: Path) -> str:
    command = [_uv(), "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--generate-hashes"]
    command += ["--excludes", str(excluded), str(wanted)]
    if is_isolated(image.name):
        # `headrace run` makes an environment of it, under any Python that Headrace supports.
        command += ["--universal", "--python-version", OLDEST_PYTHON_VERSION]
    else:
        command += ["--python-version", PYTHON_VERSION, "--python-platform", PLATFORM]
        command += ["--constraint", str(constraints)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return result.stdout
    reason = " ".join(result.stderr.split()[:120]).replace(str(wanted), str(image.folder / IN_FILE))
    if "No solution found" in result.stderr:
        raise InputError(
            f"images: the requirements of {image.name} have no solution: {reason}. Correct "
            f"{image.folder / IN_FILE}, or the versions in {constraints}."
        )
    raise PlatformError(
        f"images: uv could not resolve {image.name}: {reason}. Check that this machine reaches a "
        "package index; UV_DEFAULT_INDEX names one."
    )


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if not found:
        raise PlatformError(
            "images: locks are resolved by uv, which is not installed. Run `make setup`, or "
            "`pip install uv`."
        )
    return found


def _first_line(image: Image) -> str:
    return f"# `make lock/{image.name}` resolved it from what has the SHA-256 {image.digest()}.\n"

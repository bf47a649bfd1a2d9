"""Where the packages are that a task of Headrace needs."""

from pathlib import Path

import headrace_components
import headrace_tfx


def packages_of_tasks() -> list[Path]:
    """Returns the directories of the packages: components, and TFX's names for module files."""
    packages = (headrace_components, headrace_tfx)
    return [Path(next(iter(package.__path__))).resolve() for package in packages]

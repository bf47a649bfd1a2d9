"""Programs besides Python that tests start; `.ci/run` installs them."""

import os
import shutil
from pathlib import Path

import pytest

# Debian does not put the programs of PostgreSQL's server on the PATH; each version has a directory.
_POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def program(name: str, consequence: str) -> str:
    """Returns the path of a program.

    If it does not exist, the test is skipped, or fails if CI is set, because nobody notices skips
    there.

    Args:
        name: Name of its command.
        consequence: The consequence for the test, such as `no server can be started`.
    """
    path = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *map(str, _POSTGRESQL)]))
    if path is not None:
        return path
    message = f"{name} is not installed, so {consequence}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)

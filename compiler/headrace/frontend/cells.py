"""Functions that are written in a cell of a notebook, or typed at a prompt."""

import os
import tempfile
from pathlib import Path


def directory_of(file: str) -> Path:
    """Returns the directory in which relative paths of an author's code start.

    A cell has no file, so this is the current directory: that of the notebook.

    Args:
        file: Where the code comes from, as in `function.__code__.co_filename`.
    """
    return Path.cwd() if is_cell(file) else Path(file).parent


def is_cell(file: str) -> bool:
    """Returns whether code comes from a cell or a prompt.

    Jupyter's kernel names a cell as if it were a file of a temporary directory. The file only
    exists while a debugger runs.
    """
    # ipykernel.compiler.get_tmp_directory
    kernel = Path(tempfile.gettempdir(), f"ipykernel_{os.getpid()}")
    return Path(file).parent == kernel or not Path(file).is_file()

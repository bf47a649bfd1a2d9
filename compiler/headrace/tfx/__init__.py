"""Runs TFX's own programs on Headrace: `import headrace.tfx`, or `python -m headrace.tfx FILE.py`.

After the import, `tfx` can be imported in this process, and TFX's runners run and compile with
Headrace. It is for programs and notebooks; `headrace run FILE.py` needs no import.
"""

from headrace.tfx.activation import activate

__all__ = ["activate"]


def load_ipython_extension(ipython: object) -> None:
    """Does nothing more: `%load_ext headrace.tfx` has imported this package."""


# The one package whose import does something: it is what the import is for.
activate()

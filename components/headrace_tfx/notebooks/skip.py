"""`%load_ext tfx.orchestration.experimental.interactive.notebook_extensions.skip`.

This defines the magic `%%skip_for_export`: `InteractiveContext.export_to_pipeline` leaves such a
cell out.
"""

from typing import Any

NAME = "skip_for_export"


def load_ipython_extension(ipython: Any) -> None:
    """Defines the magic."""

    def skip_for_export(line: str, cell: str) -> None:  # noqa: ARG001  of the interface
        """Runs the cell, as without the magic."""
        ipython.run_cell(cell)
        print("export_to_pipeline leaves this cell out.")  # noqa: T201  of a magic

    ipython.register_magic_function(skip_for_export, magic_kind="cell", magic_name=NAME)

"""Executes notebooks with a real kernel, which several tests share."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SECONDS = 600
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """An executed cell: its outputs as the notebook's file has them."""

    outputs: Sequence[Mapping[str, Any]]

    @property
    def printed(self) -> str:
        """What it printed."""
        return "".join(each["text"] for each in self.outputs if each["output_type"] == "stream")

    @property
    def html(self) -> str:
        """All that it displayed."""
        return "\n".join(each.get("data", {}).get("text/html", "") for each in self.outputs)

    @property
    def value(self) -> str:
        """The `repr` of its last expression."""
        found = [e for e in self.outputs if e["output_type"] == "execute_result"]
        return str(found[-1]["data"]["text/plain"]) if found else ""

    @property
    def error(self) -> str:
        """What is shown for its exception; empty if there is none."""
        errors = [each for each in self.outputs if each["output_type"] == "error"]
        return _COLOURS.sub("", "\n".join(errors[0]["traceback"])) if errors else ""


class Kernel:
    """A running kernel."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager = manager
        self.client = client

    def execute(
        self, directory: Path, *cells: str, may_fail: bool = False, name: str = "notebook"
    ) -> list[Cell]:
        """Writes a notebook, executes its cells, and writes it again with the outputs.

        Args:
            directory: Where the notebook is; also the kernel's current directory.
            cells: The code.
            may_fail: Whether the cells after one that fails run too. Otherwise it is an error.
            name: The name of the notebook's file.
        """
        import nbformat
        from nbclient import NotebookClient

        path = directory / f"{name}.ipynb"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        nbformat.write(notebook, path)
        notebook = nbformat.read(path, 4)
        self.forget(directory)
        runner = NotebookClient(
            notebook,
            km=self.manager,
            timeout=_SECONDS,
            allow_errors=may_fail,
            resources={"metadata": {"path": str(directory)}},
        )
        runner.kc = self.client
        runner.execute(reset_kc=False)
        nbformat.write(notebook, path)
        return [Cell(outputs=cell.outputs) for cell in notebook.cells]

    def forget(self, directory: Path) -> None:
        """Empties the namespace, as a fresh kernel has it, and changes the directory."""
        code = f"get_ipython().reset()\nimport os; os.chdir({str(directory)!r}); del os"
        self.client.execute_interactive(code, silent=True, timeout=_SECONDS)


@contextmanager
def running_kernel(
    name: str = "python3", environment: Mapping[str, str] | None = None
) -> Iterator[Kernel]:
    """Starts a kernel and ends it.

    Args:
        name: Its kernelspec; `python3` is this interpreter.
        environment: Its variables; None for those of this process.
    """
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name=name)
    manager.start_kernel(**({"env": dict(environment)} if environment is not None else {}))
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=120)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)

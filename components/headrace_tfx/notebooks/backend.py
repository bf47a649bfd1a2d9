"""What runs the nodes of a notebook, and makes the reports that it shows."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.authoring.nodes import BaseNode


class Backend(Protocol):
    """What `InteractiveContext` asks for."""

    def run_node(
        self, node: BaseNode, *, context: Any, enable_cache: bool, beam_pipeline_args: Sequence[str]
    ) -> int:
        """Runs one node, and gives its outputs their artifacts.

        Args:
            node: The node; its inputs have their artifacts.
            context: The `InteractiveContext`.
            enable_cache: Whether an earlier run of the node may answer.
            beam_pipeline_args: Options of Beam for it.

        Returns:
            The number of its execution in ML Metadata.

        Raises:
            ValueError: An input has no artifact.
            Exception: What stopped the node.
        """

    def report_of(self, artifact: Artifact) -> Mapping[str, str] | None:
        """Returns what a notebook shows for an artifact, by MIME type; None for nothing."""


_BACKENDS: list[Backend] = []


def install(backend: Backend) -> None:
    """Makes this the backend of the process."""
    _BACKENDS[:] = [backend]


def current(asker: str) -> Backend:
    """Returns the backend.

    Args:
        asker: Who asks, for messages.

    Raises:
        RuntimeError: There is none.
    """
    if not _BACKENDS:
        raise RuntimeError(
            f"{asker}: nothing here can run a node. Write `import headrace.tfx` in the first cell, "
            "or choose the kernel Headrace, which `python -m headrace.tfx kernel install` installs."
        )
    return _BACKENDS[0]

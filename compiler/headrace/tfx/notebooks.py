"""What TFX's `InteractiveContext` asks for. Each part is imported when a cell first needs it."""

from collections.abc import Mapping, Sequence
from typing import Any


class NotebookBackend:
    """Runs nodes, and makes reports; see `headrace_tfx.notebooks.backend`."""

    def run_node(
        self, node: Any, *, context: Any, enable_cache: bool, beam_pipeline_args: Sequence[str]
    ) -> int:
        """Runs one node; see `interactive.run_node`."""
        from headrace.tfx.interactive import run_node

        return run_node(
            node,
            context=context,
            enable_cache=enable_cache,
            beam_pipeline_args=beam_pipeline_args,
        )

    def report_of(self, artifact: Any) -> Mapping[str, str] | None:
        """Returns what a notebook shows for an artifact; see `visualizations.report_of`."""
        from headrace.tfx.visualizations import report_of

        return report_of(artifact)

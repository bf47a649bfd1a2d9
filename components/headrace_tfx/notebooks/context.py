"""TFX's `InteractiveContext`: runs a pipeline in a notebook, one node after the other."""

import datetime
import html
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace_tfx.authoring.channels import BaseChannel
from headrace_tfx.authoring.nodes import BaseNode
from headrace_tfx.notebooks import backend
from headrace_tfx.notebooks.environment import requires_ipython
from headrace_tfx.notebooks.exporting import exported
from headrace_tfx.notebooks.formatters import register_formatters
from headrace_tfx.notebooks.registry import get_registry
from headrace_tfx.notebooks.results import ExecutionResult
from headrace_tfx.notebooks.standard import register_standard_visualizations

_RUNNERS = ("beam", "local")


class InteractiveContext:
    """Where the nodes of a notebook's pipeline run, and how.

    Outside of IPython its methods only warn, so that an exported notebook can keep its calls.

    Attributes:
        pipeline_name: Name of the pipeline; by default one with the current time.
        pipeline_root: Directory of the outputs; by default a new one for temporary files.
        metadata_connection_config: The store of ML Metadata; by default the file `metadata.sqlite`
            of the root.
        beam_pipeline_args: Options of Beam for all nodes.
    """

    def __init__(
        self,
        pipeline_name: str | None = None,
        pipeline_root: str | None = None,
        metadata_connection_config: Any = None,
        beam_pipeline_args: Sequence[str] | None = None,
    ) -> None:
        log = logging.getLogger("tfx")
        if not pipeline_name:
            now = datetime.datetime.now()
            pipeline_name = f"interactive-{now.isoformat().replace(':', '_')}"
        if not pipeline_root:
            pipeline_root = tempfile.mkdtemp(prefix=f"tfx-{pipeline_name}-")
            log.warning("InteractiveContext: the outputs go to %s.", pipeline_root)
        if not metadata_connection_config:
            metadata_connection_config = _sqlite(pipeline_root)
        self.pipeline_name = pipeline_name
        self.pipeline_root = pipeline_root
        self.metadata_connection_config = metadata_connection_config
        self.beam_pipeline_args = list(beam_pipeline_args or [])
        register_formatters()
        register_standard_visualizations()

    @requires_ipython
    def run(
        self,
        component: BaseNode,
        enable_cache: bool = True,
        beam_pipeline_args: Sequence[str] | None = None,
    ) -> ExecutionResult:
        """Runs a node; its outputs then have their artifacts.

        Args:
            component: The node. What it reads has to have run before.
            enable_cache: Whether an earlier run of the same node with the same inputs may answer.
            beam_pipeline_args: Options of Beam in place of those of the context.

        Raises:
            ValueError: An input has no artifact, because its node did not run.
            InputError: The node has a mistake, or failed for a reason that its author can mend.
            PlatformError: It failed for another reason.
        """
        if not isinstance(component, BaseNode):
            raise TypeError(
                f"InteractiveContext.run: got {component!r}, expected a component, a Resolver or "
                "an Importer. Run those of a pipeline one after the other."
            )
        execution_id = backend.current("InteractiveContext.run").run_node(
            component,
            context=self,
            enable_cache=enable_cache,
            beam_pipeline_args=list(beam_pipeline_args or self.beam_pipeline_args),
        )
        return ExecutionResult(component=component, execution_id=execution_id)

    @requires_ipython
    def show(self, item: Any) -> None:
        """Shows the artifacts of a channel, by their types; or any other object."""
        from IPython.display import HTML, display

        if not isinstance(item, BaseChannel):
            display(item)
            return
        found = list(item.get()) if hasattr(item, "get") else []
        if not found:
            producer = getattr(getattr(item, "producer", None), "id", None)
            advice = f" Run {producer} first." if producer else ""
            display(HTML(f"<i>The channel has no artifact.{html.escape(advice)}</i>"))
        for artifact in found:
            display(HTML(f"<b>Artifact at {html.escape(artifact.uri)}</b>"))
            visualization = get_registry().get_visualization(artifact.type_name)
            if visualization is None:
                display(artifact)
            else:
                visualization.display(artifact)

    @requires_ipython
    def export_to_pipeline(
        self, notebook_filepath: str, export_filepath: str, runner_type: str
    ) -> None:
        """Writes a program that runs the pipeline of a notebook; see `exporting.exported`.

        Args:
            notebook_filepath: The notebook, as it is on disk.
            export_filepath: The program to write.
            runner_type: `beam` or `local`: both run on this machine.

        Raises:
            ValueError: The runner is another one, or the notebook cannot be exported.
        """
        if runner_type not in _RUNNERS:
            advice = (
                "There is no runner for Airflow here: a BashOperator can run the program that "
                "'local' writes."
                if runner_type == "airflow"
                else "Give one of those."
            )
            raise ValueError(
                f"export_to_pipeline: `runner_type` is {runner_type!r}, expected one of "
                f"{list(_RUNNERS)}. {advice}"
            )
        text = exported(
            Path(notebook_filepath),
            pipeline_name=self.pipeline_name,
            pipeline_root=self.pipeline_root,
            beam_pipeline_args=self.beam_pipeline_args,
        )
        Path(export_filepath).write_text(text, "utf-8")


def _sqlite(root: str) -> Any:
    """Returns the connection of a root's own store."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = os.path.join(root, "metadata.sqlite")  # noqa: PTH118  as given
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return config

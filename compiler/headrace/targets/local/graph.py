"""`headrace.graph`: a picture of a pipeline, in any form, before it runs."""

from collections.abc import Mapping
from typing import Any

from headrace.display.graph.pipeline_graph import PipelineGraph
from headrace.frontend.loading import PipelineSource
from headrace.targets.local.runnable import load
from headrace.targets.local.shared.pipelines import checked_pipeline


def graph(pipeline: PipelineSource | Mapping[str, Any]) -> PipelineGraph:
    """Returns the graph of a pipeline. A notebook shows it as a picture.

    Args:
        pipeline: `PIPELINE.py[:name]`, a function decorated with `kfp.dsl.pipeline`, a
            `tfx.dsl.Pipeline`, a file with a compiled pipeline (JSON or YAML), or its content.

    Raises:
        InputError: The pipeline has an error.
    """
    return PipelineGraph(checked_pipeline(load(pipeline).spec))


def load_ipython_extension(shell: Any) -> None:
    """Lets a notebook show a pipeline of kfp as its graph, after `%load_ext headrace`."""
    shell.display_formatter.formatters["text/html"].for_type_by_name(
        "kfp.dsl.graph_component", "GraphComponent", lambda each: graph(each)._repr_html_()
    )

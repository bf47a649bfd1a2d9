"""The visualizations of standard artifacts: Headrace's reports."""

from typing import Any

from headrace_tfx.artifacts import standard
from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.notebooks import backend
from headrace_tfx.notebooks.registry import ArtifactVisualization, get_registry


class _Report(ArtifactVisualization):
    """Shows the report of an artifact, or its properties if there is none."""

    def display(self, artifact: Artifact) -> None:
        """Shows an artifact in the output of the cell."""
        # Imported here: the registry is used without IPython, too.
        from IPython.display import display

        report = backend.current("InteractiveContext.show").report_of(artifact)
        if report is None:
            display(artifact)
        else:
            display(report, raw=True)


class ExampleAnomaliesVisualization(_Report):
    """Shows what does not agree with the schema."""

    ARTIFACT_TYPE = standard.ExampleAnomalies


class ExampleStatisticsVisualization(_Report):
    """Shows every feature, with its splits side by side."""

    ARTIFACT_TYPE = standard.ExampleStatistics


class ModelEvaluationVisualization(_Report):
    """Shows the metrics of a model, and those of its slices."""

    ARTIFACT_TYPE = standard.ModelEvaluation


class SchemaVisualization(_Report):
    """Shows the features of a schema."""

    ARTIFACT_TYPE = standard.Schema


STANDARD_VISUALIZATIONS: frozenset[Any] = frozenset(
    {
        ExampleAnomaliesVisualization,
        ExampleStatisticsVisualization,
        ModelEvaluationVisualization,
        SchemaVisualization,
    }
)


def register_standard_visualizations() -> None:
    """Adds the visualizations of standard artifacts; those of an author's own are kept."""
    for each in STANDARD_VISUALIZATIONS:
        if get_registry().get_visualization(each.ARTIFACT_TYPE.TYPE_NAME) is None:
            get_registry().register(each)

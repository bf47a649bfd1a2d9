"""The visualizations of artifacts, by type."""

import abc
from typing import Any, ClassVar

from headrace_tfx.artifacts.base import Artifact


class ArtifactVisualization(abc.ABC):
    """How a type of artifacts is shown; an author's own one derives from this class.

    Attributes:
        ARTIFACT_TYPE: The class of the artifacts.
    """

    ARTIFACT_TYPE: ClassVar[Any] = None

    @abc.abstractmethod
    def display(self, artifact: Artifact) -> Any:
        """Shows an artifact in the output of the cell."""


class ArtifactVisualizationRegistry:
    """The visualizations of a process.

    Attributes:
        visualizations: By name of the type of artifacts.
    """

    def __init__(self) -> None:
        self.visualizations: dict[str, ArtifactVisualization] = {}

    def register(self, visualization_class: type[ArtifactVisualization]) -> None:
        """Adds a visualization; it replaces an earlier one for the same type.

        Raises:
            TypeError: Its `ARTIFACT_TYPE` is not a class of artifacts with a name.
        """
        kind = visualization_class.ARTIFACT_TYPE
        if not (isinstance(kind, type) and issubclass(kind, Artifact) and kind.TYPE_NAME):
            raise TypeError(
                f"{visualization_class.__name__}: `ARTIFACT_TYPE` is {kind!r}, expected a class of "
                "artifacts with a TYPE_NAME, such as standard_artifacts.Schema."
            )
        self.visualizations[kind.TYPE_NAME] = visualization_class()

    def get_visualization(self, artifact_type_name: str) -> ArtifactVisualization | None:
        """Returns the visualization of a type; None if it has none."""
        return self.visualizations.get(artifact_type_name)


_REGISTRY = ArtifactVisualizationRegistry()


def get_registry() -> ArtifactVisualizationRegistry:
    """Returns the visualizations of this process."""
    return _REGISTRY

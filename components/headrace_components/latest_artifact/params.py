"""Parameters of LatestArtifact."""

from dataclasses import dataclass

from headrace_components.contract.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class LatestArtifactParams:
    """What a pipeline author may choose.

    Attributes:
        producer: Name of the task that made the artifact, as `trainer`.
        output: Name of that task's output, as `model`.
        include_this_run: Whether what the task made in this run counts.
        search_root: Directory or URI to search instead of this pipeline's root; or empty.
    """

    producer: str
    output: str
    include_this_run: bool = False
    search_root: str = ""

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        for name in ("producer", "output"):
            value = getattr(self, name)
            if not value or "/" in value:
                raise InputError(
                    f"latest_artifact: `{name}` is {value!r}, expected a name. Name a task of the "
                    "pipeline and one of its outputs, as 'trainer' and 'model'."
                )

    @property
    def task(self) -> str:
        """The task's name as backends write it."""
        return self.producer.replace("_", "-")

"""Parameters of LatestArtifact."""

from dataclasses import dataclass

from headrace_components.contract.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class LatestArtifactParams:
    """Parameters that a pipeline author may set.

    Attributes:
        producer: Name of the task that makes it, such as `trainer` or `transform-2`. A task with
            this name in a loop or a condition counts too.
        output: Name of the task's output, such as `model` or `updated_analyzer_cache`.
        include_this_run: Whether an artifact that the task made in this run counts. If so, let this
            task run after that one, with `.after()`.
        search_root: Directory or URI to search instead of this pipeline's root. On Kubeflow the
            artifact that is found is copied.
    """

    producer: str
    output: str
    include_this_run: bool = False
    search_root: str = ""

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        for name in ("producer", "output"):
            value = getattr(self, name)
            if not value or "/" in value:
                raise InputError(
                    f"`{name}` is {value!r}, expected a name. Name a task of the "
                    "pipeline and one of its outputs, for example 'trainer' and 'model'."
                )

    @property
    def task(self) -> str:
        """The task's name in the form that backends use."""
        return self.producer.replace("_", "-")

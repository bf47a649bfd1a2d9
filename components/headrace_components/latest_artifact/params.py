"""Parameters of LatestArtifact."""

from dataclasses import dataclass

from headrace_components.contract.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class LatestArtifactParams:
    """Parameters that a pipeline author may set.

    Attributes:
        producer: Name of the task that makes it, such as `trainer` or `transform-2`, or its display
            name. A task with this name in a loop or a condition counts too.
        output: Name of the task's output, such as `model` or `updated_analyzer_cache`.
        alternatives: More outputs that count too, such as `["tuned-trainer/model"]`; the newest
            one is taken.
        together_with: Lists of outputs, such as `[["evaluator/evaluation"]]`. Nothing is found
            unless there is an artifact of one output of each list too.
        include_this_run: Whether an artifact that the task made in this run counts. If so, let this
            task run after that one, with `.after()`.
        search_root: Directory or URI to search instead of this pipeline's root. On Kubeflow the
            artifact that is found is copied.
        output_key: What lineage on this machine calls the output, for readers of TFX's metadata,
            who know the key of a Resolver's channel; empty for `artifact`.
    """

    producer: str
    output: str
    alternatives: tuple[str, ...] = ()
    together_with: tuple[tuple[str, ...], ...] = ()
    include_this_run: bool = False
    search_root: str = ""
    output_key: str = ""

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        for name in ("producer", "output"):
            value = getattr(self, name)
            if not value or "/" in value:
                raise InputError(
                    f"`{name}` is {value!r}, expected a name. Name a task of the "
                    "pipeline and one of its outputs, for example 'trainer' and 'model'."
                )
        for name, outputs in (
            ("alternatives", self.alternatives),
            *(("together_with", outputs) for outputs in self.together_with),
        ):
            for each in outputs:
                task, _, output = each.partition("/")
                if not task or not output or "/" in output:
                    raise InputError(
                        f"`{name}` holds {each!r}, expected a task and its output. Write it as "
                        "'trainer/model'."
                    )

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that count, as `trainer/model`."""
        return (f"{self.producer}/{self.output}", *self.alternatives)

"""Outputs of two runs that can be compared in detail, each on a page of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace.contract.service import RunArtifact, ServiceRun
from headrace.ui.artifacts.contents import can_compare


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputPair:
    """An output of the first run, and the same of another one.

    Attributes:
        task: The task.
        port: The output.
        before: Where that of the first run is.
        after: Where those of the others are, in their order; None for a run that lacks it, or has
            the very same.
    """

    task: str
    port: str
    before: str
    after: Sequence[str | None]


def output_pairs(runs: Sequence[ServiceRun]) -> list[OutputPair]:
    """Returns the outputs of runs that are not the same and can be compared with the first's."""
    first, *others = [_outputs(run) for run in runs]
    pairs = []
    for (task, port), artifact in first.items():
        after = [_uri(each.get((task, port)), artifact) for each in others]
        if any(after):
            pairs.append(OutputPair(task=task, port=port, before=artifact.uri, after=after))
    return pairs


def _outputs(run: ServiceRun) -> Mapping[tuple[str, str], RunArtifact]:
    return {
        (task.name, port): artifacts[0]
        for task in run.tasks
        for port, artifacts in task.outputs.items()
        if len(artifacts) == 1 and can_compare(artifacts[0].type.rpartition(".")[2])
    }


def _uri(found: RunArtifact | None, before: RunArtifact) -> str | None:
    is_other = found is not None and found.uri != before.uri and found.type == before.type
    return found.uri if found is not None and is_other else None

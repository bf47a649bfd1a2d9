"""Keeps why tasks run or do not, for `headrace why`."""

from dataclasses import dataclass, replace

from headrace.targets.local.cache.answers import Entry
from headrace.targets.local.cache.questions import NoAnswer, Question
from headrace.targets.local.records.decisions import (
    Decision,
    brief_digest,
    read_decision,
    write_decision,
)
from headrace.targets.local.records.store import RunStore
from headrace.targets.local.shared.results import RuntimeArtifact


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions of a run.

    Attributes:
        store: The files of the run.
    """

    store: RunStore

    def asked(self, task: str, question: Question, found: Entry | NoAnswer) -> None:
        """Keeps what the cache answered for a task."""
        before = read_decision(self.store, task)
        decision = Decision(
            task=task,
            how="ran",
            key=question.key or "",
            parts=question.parts,
            before=before.parts if before else {},
        )
        if isinstance(found, Entry):
            decision = replace(decision, how="cached", by=found.made_by)
        else:
            decision = replace(decision, miss=found.miss, detail=found.detail)
        write_decision(self.store, decision)

    def reused(self, task: str, run: str) -> None:
        """Keeps that a task has the result of the run on which this partial one is based."""
        write_decision(self.store, Decision(task=task, how="reused", by=(run, task)))

    def imported(self, task: str, artifact: RuntimeArtifact) -> None:
        """Keeps what an importer found."""
        found = [[artifact.uri, brief_digest(artifact.fingerprint)]]
        write_decision(
            self.store, Decision(task=task, how="imported", parts={"input": {"artifact": found}})
        )

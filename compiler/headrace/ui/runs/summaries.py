"""What came of runs, kept for as long as the server runs: lists need it of many."""

import threading
from collections.abc import Iterator

from headrace.contract.service import ServiceRun, ServiceTask
from headrace.lineage.summaries import RunSummary, TaskArtifact, summary_of
from headrace.ui.site import Site

_NOTHING = RunSummary()

_kept: dict[tuple[Site, str], tuple[object, RunSummary]] = {}
_lock = threading.Lock()


def summary_of_run(site: Site, run: ServiceRun) -> RunSummary:
    """Returns the verdicts and metrics of a run of a list; empty if they are not known.

    Those of a run of a service are known once its page was shown: a list does not ask the service
    for each run.
    """
    # A run that was over may have been resumed.
    version = (run.state, run.created, run.seconds)
    with _lock:
        kept = _kept.get((site, run.id))
    if kept is not None and kept[0] == version:
        return kept[1]
    if site.is_of_service:
        return _NOTHING
    return keep_summary(site, site.runs().describe(run.id))


def keep_summary(site: Site, run: ServiceRun) -> RunSummary:
    """Returns the verdicts and metrics of a run with its tasks, and keeps them if it is over."""
    summary = summary_of(artifacts_of(run.tasks))
    if run.is_over:
        with _lock:
            _kept[site, run.id] = ((run.state, run.created, run.seconds), summary)
    return summary


def artifacts_of(tasks: tuple[ServiceTask, ...]) -> Iterator[TaskArtifact]:
    """Yields the outputs of tasks."""
    for task in tasks:
        for port, found in task.outputs.items():
            for artifact in found:
                yield TaskArtifact(
                    task=task.name,
                    port=port,
                    type=artifact.type,
                    uri=artifact.uri,
                    metadata=artifact.metadata,
                )

"""The commands that go on from a page: it changes nothing itself."""

import shlex

from headrace.contract.service import ServiceRun, ServiceTask
from headrace.ui.site import Site

Command = tuple[str, str]
"""What it does, and what to type."""


def commands_for(site: Site, run: ServiceRun) -> list[Command]:
    """Returns what a person may want to do with a run."""
    found = []
    if site.is_of_service:
        found.append(("Watch it", _of_runs(site, "watch", run.id)))
    if not run.is_over:
        found.append(("End it", _of_runs(site, "cancel", run.id)))
    elif run.state != "succeeded" and not site.is_of_service:
        # After a failure, with the code as it is now.
        source = [run.source] if run.source and run.state == "failed" else []
        words = ["headrace", "run", *source, "--root", str(site.root), "--resume", run.id]
        found.append(("Finish it", shlex.join(words)))
    return found


def task_commands(site: Site, run: ServiceRun, task: ServiceTask) -> list[Command]:
    """Returns what a person may want to do with a task."""
    found = []
    if task.log:
        found.append(("Read its log in a terminal", _of_runs(site, "logs", run.id, task.name)))
    if task.state in ("done", "cached", "failed") and not site.is_of_service:
        words = ["headrace", "spin", "--root", str(site.root), run.id, task.name]
        found.append(("Run it alone, with the code as it is now", shlex.join(words)))
    return found


def _of_runs(site: Site, what: str, *words: str) -> str:
    place = ["--target", site.target] if site.is_of_service else ["--root", str(site.root)]
    config = ["--config", str(site.config)] if site.is_of_service and site.config else []
    return shlex.join(["headrace", "runs", what, *place, *config, *words])

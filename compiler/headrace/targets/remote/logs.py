"""Prints the logs of tasks in a run."""

import difflib
import time
from collections.abc import Callable

from headrace.contract.service import ENDED, Runs, ServiceRun, ServiceTask
from headrace.targets.remote.watching import described, pauses
from headrace_components.contract.errors import InputError

Echo = Callable[[str], None]


def print_logs(runs: Runs, run_id: str, task: str | None, echo: Echo) -> None:
    """Prints the log of a task, or the logs of all tasks of a run that have one.

    Args:
        runs: The runs that it is one of.
        run_id: The run.
        task: Name of the task; None for all, each below a heading.
        echo: Prints text that ends with a full line.

    Raises:
        InputError: The run or the task does not exist, or the task has no readable log.
        PlatformError: The service cannot be asked.
    """
    run = runs.describe(run_id)
    found = 0
    for each in _wanted(run, task):
        text = runs.log(run_id, each.name)
        if text is None:
            if task is not None:
                raise InputError(_missing(each))
            continue
        found += 1
        if task is None:
            echo(f"==> {each.name}, {each.state} <==")
        echo(text.rstrip("\n"))
    if not found:
        links = [f"{each.name}: {each.log}" for each in run.tasks if each.log]
        for link in links:
            echo(link)
        if not links:
            raise InputError(
                f"headrace runs logs: no task of run {run_id!r} has a log that can be read. "
                "The run's page may have more: " + run.link
            )


def follow_logs(
    runs: Runs, run_id: str, task: str | None, echo: Echo, pause_seconds: float | None
) -> None:
    """Prints logs as they grow, until the task or the run ends.

    Args:
        runs: The runs that it is one of.
        run_id: The run.
        task: Name of the task; None for all, with a heading at each change of the task.
        echo: Prints text that ends with a full line.
        pause_seconds: How long to wait between two looks; None for 1 s at first and 10 s later.

    Raises:
        InputError: The run or the task does not exist, or it has ended without a log.
        PlatformError: The service was asked for ten minutes and did not answer, or refuses.
    """
    printed: dict[str, str] = {}
    last = ""
    for pause in pauses(pause_seconds):
        run = described(runs, run_id, echo)
        wanted = _wanted(run, task)
        for each in wanted:
            text = runs.log(run_id, each.name) if _may_have_more(each, printed) else None
            if text is None:
                continue
            if each.state not in ENDED:
                text = text[: text.rfind("\n") + 1]  # the last line may be incomplete
            new = _since(text, printed.get(each.name, ""))
            printed[each.name] = text
            if new and task is None and last != each.name:
                echo(f"==> {each.name} <==")
                last = each.name
            if new:
                echo(new.rstrip("\n"))
            if each.state in ENDED:
                printed[each.name] = text + _END
        if run.is_over or all(each.state in ENDED for each in wanted):
            break
        time.sleep(pause)
    if task is not None and task not in printed:
        raise InputError(_missing(wanted[0]))


# After the text of a log that will not grow, so that it is not asked for again.
_END = "\0"


def _may_have_more(task: ServiceTask, printed: dict[str, str]) -> bool:
    return task.state not in ("waiting", "skipped") and not printed.get(task.name, "").endswith(
        _END
    )


def _since(text: str, before: str) -> str:
    """Returns the new part of a log, or all of it if it is a different log.

    It is different after a retry, or if the node has removed its beginning.
    """
    return text[len(before) :] if text.startswith(before) else text


def _wanted(run: ServiceRun, task: str | None) -> list[ServiceTask]:
    if task is None:
        return list(run.tasks)
    found = [each for each in run.tasks if each.name == task]
    if not found:
        names = [each.name for each in run.tasks]
        near = difflib.get_close_matches(task, names, n=1)
        advice = f"Did you mean {near[0]!r}?" if near else "Take one of them."
        raise InputError(
            f"headrace runs logs: run {run.id!r} has no task {task!r}, only {names}. {advice}"
        )
    return found


def _missing(task: ServiceTask) -> str:
    if task.log:
        return f"headrace runs logs: the log of {task.name!r} is at {task.log}"
    if task.state in ("waiting", "skipped", "cached"):
        return f"headrace runs logs: {task.name!r} is {task.state}, so it has printed nothing."
    return (
        f"headrace runs logs: the log of {task.name!r}, which is {task.state}, cannot be read: "
        f"its pod has not started, or is gone. {task.message}"
    ).rstrip()

"""Finds the newest artifact among a task's outputs in earlier runs."""

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from headrace_components.contract.parameters import read
from headrace_components.contract.task import Artifact, Task
from headrace_components.latest_artifact.params import LatestArtifactParams
from headrace_components.library.runs import earlier_runs
from headrace_components.library.runs.earlier_contents import NOTHING, agreed, contents
from headrace_components.library.runs.earlier_runs import EarlierOutput, SearchRoot, spellings


def execute(task: Task) -> None:
    """Points `artifact` to the newest artifact, or leaves it empty."""
    params = read(LatestArtifactParams, task.params, task.component)
    place = earlier_runs.place(task.component, params.search_root, task.output("artifact"))
    found = agreed(_newest_first(place, params), partial(contents, place), task.fingerprint)
    if found is None:
        logging.info(
            "latest_artifact: no earlier run under %s has left the output %r of task %r.",
            place.uri,
            params.output,
            params.producer,
        )
        _hint(place, params)
        task.output("artifact").metadata["found"] = 0
        return
    logging.info("latest_artifact: %s.", found.uri)
    metadata = {**found.metadata, "found": 1}
    earlier_runs.publish(task, "artifact", place, (found.path, found.uri), metadata, found.type)


def state(params: Mapping[str, Any], output: Artifact) -> str:
    """Returns a text that identifies the artifact that a task with these parameters finds.

    Args:
        params: Values of the parameters, by name.
        output: An output of a task of the same run.
    """
    typed = read(LatestArtifactParams, params, "latest_artifact")
    place = earlier_runs.place("latest_artifact", typed.search_root, output)
    found = next(iter(_newest_first(place, typed)), None)
    return NOTHING if found is None else contents(place, found)


def _newest_first(place: SearchRoot, params: LatestArtifactParams) -> list[EarlierOutput]:
    for outputs in params.together_with:
        if not _left(place, outputs, params):
            logging.info("latest_artifact: no earlier run has left one of %s.", list(outputs))
            return []
    # The path decides between equal times, so that the result is always the same.
    candidates = _left(place, params.outputs, params)
    return sorted(candidates, key=lambda left: (left.changed, left.path), reverse=True)


def _left(
    place: SearchRoot, outputs: Iterable[str], params: LatestArtifactParams
) -> list[EarlierOutput]:
    """Returns what runs have left of several outputs."""
    return [
        left
        for task, _, output in (each.partition("/") for each in outputs)
        for run, left in earlier_runs.earlier_outputs(place, spellings(task), output)
        if params.include_this_run or run.name != place.this_run
    ]


def _hint(place: SearchRoot, params: LatestArtifactParams) -> None:
    """Lists the tasks of earlier runs, which helps if the name is misspelled."""
    earlier = [run for run in place.run_directories() if run.name != place.this_run]
    names = {name.rpartition("/")[2] for run in earlier for name, _ in earlier_runs.tasks(run)}
    if names and not names & {*spellings(params.producer)}:
        logging.warning(
            "latest_artifact: no run has a task %r; there are %s.", params.producer, sorted(names)
        )

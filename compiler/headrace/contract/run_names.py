"""What people may write for the ID of a run: a part of it, or a word such as `latest`."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from headrace.contract.run_filter import RunFilter
from headrace_components.contract.errors import InputError

if TYPE_CHECKING:
    from headrace.contract.service import Runs

WORDS = {"latest": "", "latest-failed": "failed", "latest-succeeded": "succeeded"}
"""The newest run, and the newest in a state."""

_MAX_CANDIDATES = 8


def resolved(runs: "Runs", text: str, command: str = "headrace runs") -> str:
    """Returns the ID of the run that a text stands for; the text itself if there is none.

    Args:
        runs: The runs that it may be.
        text: An ID or the beginning of one; one of `WORDS`, alone or behind `PIPELINE/`.
        command: Who asks, for messages.

    Raises:
        InputError: Several runs have such an ID, or no run is the newest.
    """

    def newest(which: RunFilter) -> Iterable[str]:
        return (run.id for run in runs.runs(1, which))

    return chosen(text, newest, runs.ids, command)


def chosen(
    text: str,
    newest: Callable[[RunFilter], Iterable[str]],
    ids: Callable[[str], Sequence[str]],
    command: str,
) -> str:
    """Returns what `resolved` does, from two questions.

    Args:
        text: As there.
        newest: Gives IDs of runs that a filter takes, the newest first.
        ids: Gives the IDs that begin with a text, the newest first; a whole ID alone.
        command: Who asks, for messages.
    """
    pipeline, _, word = text.rpartition("/")
    if word in WORDS:
        found = next(iter(newest(RunFilter(pipeline=pipeline, state=WORDS[word]))), None)
        if found is None:
            kind = f"{WORDS[word]} run" if WORDS[word] else "run"
            of = f" of the pipeline {pipeline!r}" if pipeline else ""
            raise InputError(
                f"{command}: {text!r} is given, but there is no {kind}{of}. "
                "`headrace runs list` shows what there is."
            )
        return found
    candidates = ids(text) if text else ()
    if len(candidates) < 2:
        return candidates[0] if candidates else text
    shown = ", ".join(candidates[:_MAX_CANDIDATES])
    more = len(candidates) - _MAX_CANDIDATES
    raise InputError(
        f"{command}: {text!r} is the beginning of {len(candidates)} runs: {shown}"
        f"{f' and {more} more' if more > 0 else ''}. Write more of the ID."
    )

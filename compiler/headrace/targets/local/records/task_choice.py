"""What people may write for a task of a run."""

import difflib
from collections.abc import Sequence

from headrace_components.contract.errors import InputError


def chosen_task(text: str, known: Sequence[str], run: str, command: str) -> str:
    """Returns the task that a text stands for: its name, or the end of its path if it is clear.

    Args:
        text: What was written.
        known: The names of the tasks.
        run: The run, for messages.
        command: Who asks, for messages.

    Raises:
        InputError: There is none, or there are several.
    """
    if text in known:
        return text
    ends = [name for name in known if text and name.endswith(f"/{text}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise InputError(
            f"{command}: {text!r} is the end of {len(ends)} tasks of the run {run}: {ends}. Write "
            "one of these names."
        )
    near = difflib.get_close_matches(text, known, n=1)
    advice = f"Did you mean {near[0]!r}? " if near else ""
    raise InputError(
        f"{command}: the run {run} has no task {text!r}, only {list(known)}. {advice}Loops have "
        "one task for each item, such as 'for-loop-1/0/trainer'."
    )

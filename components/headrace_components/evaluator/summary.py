"""What an evaluation says in the metadata of its blessing, for terminals and lists of runs."""

import json
from collections.abc import Iterator, Sequence

from headrace_components.contract import reasons
from headrace_components.evaluator.metric_rows import (
    ALL_ROWS,
    EVERY_SLICE,
    RequiredRows,
    Score,
    SliceScores,
    published_name,
)
from headrace_components.evaluator.verdict import ModelVerdict

_MAX_HEADLINES = 10


def blessing_metadata(
    verdict: ModelVerdict, slices: Sequence[SliceScores], requirements: Sequence[RequiredRows]
) -> dict[str, str]:
    """Returns why the model is blessed or not, and the metrics that have a threshold.

    Args:
        verdict: The verdict.
        slices: The metrics per slice.
        requirements: The thresholds, in the author's order.
    """
    failures = [failure.text for failure in verdict.failures] or [verdict.reason]
    why = list(_passed(slices, requirements)) if verdict.is_blessed else failures
    names = list(dict.fromkeys(published_name(each.metric) for each in requirements))
    metadata = {reasons.KEY: reasons.to_text(why)} if why else {}
    if names:
        metadata["headline"] = json.dumps(names[:_MAX_HEADLINES])
    return metadata


def _passed(slices: Sequence[SliceScores], requirements: Sequence[RequiredRows]) -> Iterator[str]:
    overall = next((part.scores for part in slices if part.name == ALL_ROWS), {})
    for each in requirements:
        required = f"required {'a change ' if each.side == 'change' else ''}{each.bound}"
        value = getattr(overall.get(each.metric, Score()), each.side)
        if each.slices in (ALL_ROWS, EVERY_SLICE) and value is not None:
            yield f"{each.column} on {ALL_ROWS} is {value:.6g}, {required}"
        else:
            yield f"{each.column} on {each.slices} holds, {required}"
    if not requirements:  # thresholds of changes do not apply to a first model
        yield "there was no baseline to be worse than"

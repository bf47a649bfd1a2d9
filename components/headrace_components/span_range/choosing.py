"""Chooses the examples of a range of spans. Standard library only."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.library.data import examples_record
from headrace_components.library.runs import earlier_runs
from headrace_components.library.runs.earlier_runs import SearchRoot
from headrace_components.library.sources.configs import SpanRange


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanExamples:
    """Examples of one span.

    Attributes:
        span: Number of the span.
        changed: The time of the newest file, in seconds since the epoch.
        path: Directory of the artifact.
        uri: Its URI for every task of the run.
        metadata: The artifact's known metadata.
    """

    span: int
    changed: float
    path: Path
    uri: str
    metadata: Mapping[str, Any]


def choose(own: SpanExamples, place: SearchRoot, wanted: SpanRange) -> list[SpanExamples]:
    """Returns the existing examples of the wanted spans, one artifact per span, sorted by span.

    If a span has several artifacts, this run's own is used, else the latest version, else the
    newest.

    Args:
        own: The examples that this run made.
        place: Where to search for those of earlier runs.
        wanted: The range of spans.

    Raises:
        InputError: A wanted span has no examples.
    """
    by_span: dict[int, SpanExamples] = {}
    for found in sorted(_earlier(place, own.path), key=_age):
        by_span[found.span] = found
    by_span[own.span] = own
    spans = wanted.of(by_span)
    if not spans:
        raise InputError(
            f"the range {_in_words(wanted)} has none of the spans "
            f"{sorted(by_span)}, which were found under {place.uri}. Ask for those, or run the "
            "pipeline on the spans wanted first."
        )
    return [by_span[span] for span in spans]


def _earlier(place: SearchRoot, own: Path) -> Iterable[SpanExamples]:
    origin = earlier_runs.origin_of(own)
    for _, left in earlier_runs.earlier_outputs(place, origin.task, origin.output):
        metadata = examples_record.read(left.path) or left.metadata
        if "span" not in metadata:
            logging.info("span_range: passing over %s: its span is unknown.", left.path)
            continue
        yield SpanExamples(
            span=int(metadata["span"]),
            changed=left.changed,
            path=left.path,
            uri=left.uri,
            metadata=metadata,
        )


def _age(examples: SpanExamples) -> tuple[int, float, Path]:
    # The path decides between equal times, so that the result is always the same.
    return (int(examples.metadata.get("version", -1)), examples.changed, examples.path)


def _in_words(wanted: SpanRange) -> str:
    if wanted.last is None:
        return f"from {wanted.first} on"
    return f"from {wanted.first} to {wanted.last}"

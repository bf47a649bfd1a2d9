"""Joins the examples of a range of spans, found among the results of earlier runs."""

import json
import logging
from collections.abc import Sequence

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Artifact, Task
from headrace_components.library.data import examples_record
from headrace_components.library.data.examples import examples_metadata
from headrace_components.library.runs import earlier_runs
from headrace_components.span_range.choosing import SpanExamples, choose
from headrace_components.span_range.joining import join
from headrace_components.span_range.params import SpanRangeParams


def execute(task: Task) -> None:
    """Writes the rows of all spans to `span_examples`; a single span is only referred to."""
    params = read(SpanRangeParams, task.params, task.component)
    examples = task.input("examples")
    output = task.output("span_examples")
    own = _own(examples)
    records = (examples_record.FILE_NAME,)
    place = earlier_runs.place(task.component, params.search_root, output, records)
    chosen = choose(own, place, params.span_range)
    logging.info("span_range: spans %s.", [found.span for found in chosen])
    if len(chosen) == 1:
        found = (chosen[0].path, chosen[0].uri)
        metadata = {**chosen[0].metadata, "spans": _spans(chosen)}
        earlier_runs.publish(task, output.key, place, found, metadata)
        return
    sources = [earlier_runs.local_copy(place, found.path) for found in chosen]
    split_names = join(sources, output.path)
    payload, file_format = _formats(chosen)
    metadata = examples_metadata(
        split_names, span=chosen[-1].span, payload_format=payload, file_format=file_format
    )
    examples_record.publish(output, {**metadata, "spans": _spans(chosen)})


def _own(examples: Artifact) -> SpanExamples:
    metadata = {**examples_record.read(examples.path), **examples.metadata}
    if "span" not in metadata:
        raise InputError(
            f"the span of `examples`, {examples.uri}, is unknown, expected metadata "
            "`span`. Connect the output of a component that reads spans, such as csv_example_gen."
        )
    return SpanExamples(
        span=int(metadata["span"]),
        changed=0.0,
        path=examples.path,
        uri=examples.uri,
        metadata=metadata,
    )


def _spans(chosen: Sequence[SpanExamples]) -> str:
    return json.dumps([found.span for found in chosen])


def _formats(chosen: Sequence[SpanExamples]) -> tuple[str, str]:
    """Returns payload and file format, which must be the same in all spans."""
    formats = [
        (
            found.metadata.get("payload_format", "FORMAT_TF_EXAMPLE"),
            found.metadata.get("file_format", "tfrecords_gzip"),
        )
        for found in chosen
    ]
    for found, given in zip(chosen, formats, strict=True):
        if given != formats[0]:
            raise InputError(
                f"{found.uri} has payload and file format {list(given)}, "
                f"{chosen[0].uri} has {list(formats[0])}, expected one. Run the pipeline again on "
                "the spans that were read otherwise, or ask for a range without them."
            )
    return formats[0]

"""Fingerprints the examples to join for the cache. Standard library only."""

from headrace_components.contract.errors import InputError
from headrace_components.contract.hooks import Inputs, Params
from headrace_components.contract.parameters import read
from headrace_components.contract.task import local_path
from headrace_components.library.data import examples_record
from headrace_components.library.runs import earlier_runs
from headrace_components.span_range.choosing import SpanExamples, choose
from headrace_components.span_range.params import SpanRangeParams


def external_state(params: Params, inputs: Inputs) -> str | None:
    """Returns which examples are joined, or None if only a run can find them."""
    uri = inputs["examples"][0]
    if "://" in uri:
        return None
    path = local_path(uri)
    metadata = examples_record.read(path)
    if (
        "span" not in metadata
        or params.get("search_root")
        or not earlier_runs.origin_of(path).is_marked
    ):
        return None
    own = SpanExamples(
        span=int(metadata["span"]), changed=0.0, path=path, uri=uri, metadata=metadata
    )
    try:
        wanted = read(SpanRangeParams, params, "span_range").span_range
        chosen = choose(own, earlier_runs.pipeline_directory(path, uri), wanted)
    except InputError:  # the run reports the error to the author
        return None
    return "\n".join(found.uri for found in chosen)

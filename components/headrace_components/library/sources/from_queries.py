"""Makes examples from the rows of queries, for every source that reads a database."""

from headrace_components.contract.task import Artifact
from headrace_components.library.data import examples_record
from headrace_components.library.data.examples import examples_metadata
from headrace_components.library.sources import engines
from headrace_components.library.sources.query_params import QueryParams
from headrace_components.library.sources.source import QuerySource


def write(params: QueryParams, output: Artifact, source: QuerySource) -> None:
    """Writes the rows of the queries, and their metadata; see `engines.write`."""
    queries = {split: [query] for split, query in params.queries.items()}
    engines.write(params, queries, output, source)
    metadata = examples_metadata(params.split_names, span=params.only_span or 0)
    examples_record.publish(output, metadata)

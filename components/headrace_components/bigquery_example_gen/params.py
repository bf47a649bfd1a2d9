"""Parameters of BigqueryExampleGen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headrace_components.contract.errors import InputError
from headrace_components.library.sources.query_params import QueryParams


@dataclass(frozen=True, kw_only=True, slots=True)
class BigqueryExampleGenParams(QueryParams):
    """Parameters that a pipeline author may set beyond `QueryParams`.

    Attributes:
        project: Project that runs and pays for the queries. If empty, the project of the
            environment is used; on Vertex AI this is a project that Google owns, so set it there.
        location: Region of the data, such as `EU`. If empty, BigQuery finds it.
        labels: Labels of the query jobs, by which you can find their cost.
        maximum_bytes_billed: A query that would be billed for more bytes fails at no cost. 0 sets
            no limit.
        use_storage_api: Whether to read results through the Storage Read API. It is many times
            faster than the REST API, and is billed by the bytes read. Without permission the REST
            API is used.
        query: The query in GoogleSQL. `@span_begin_timestamp` and `@span_end_timestamp` stand for
            the seconds since the epoch at which the span's day begins and ends in UTC.
            `@span_yyyymmdd_utc` stands for its date in quotes, such as '20240101'.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            One worker then runs each query, and all workers divide and write its rows. If empty,
            this process computes, without Beam.
    """

    component: ClassVar[str] = "bigquery_example_gen"

    project: str = ""
    location: str = ""
    labels: Mapping[str, Any] = field(default_factory=dict)
    maximum_bytes_billed: int = 0
    use_storage_api: bool = True

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        if self.maximum_bytes_billed < 0:
            raise InputError(
                f"`maximum_bytes_billed` is {self.maximum_bytes_billed}, "
                "expected a number of bytes, or 0 for no bound. Give 10**12 for a terabyte."
            )
        for name, value in self.labels.items():
            if not isinstance(value, str):
                raise InputError(
                    f"`labels` has {name!r}: {value!r}, expected strings. "
                    f"Write it as {{{name!r}: {str(value).lower()!r}}}."
                )
        # With `slots` the dataclass is a new class, so super() without arguments fails.
        QueryParams.__post_init__(self)

"""Parameters of BigqueryExampleGen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headrace_components.contract.errors import InputError
from headrace_components.library.sources.query_params import QueryParams


@dataclass(frozen=True, kw_only=True, slots=True)
class BigqueryExampleGenParams(QueryParams):
    """What a pipeline author may choose beyond `QueryParams`.

    Attributes:
        project: Project that runs and pays for the queries; empty takes that of the environment.
        location: Region of the data, as `EU`; empty lets BigQuery find it.
        labels: Labels of the query jobs.
        maximum_bytes_billed: Most bytes that a query may be billed for; 0 sets no bound.
        use_storage_api: Whether to read results through the Storage Read API.
    """

    component: ClassVar[str] = "bigquery_example_gen"

    project: str = ""
    location: str = ""
    labels: Mapping[str, Any] = field(default_factory=dict)
    maximum_bytes_billed: int = 0
    use_storage_api: bool = True

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        if self.maximum_bytes_billed < 0:
            raise InputError(
                f"bigquery_example_gen: `maximum_bytes_billed` is {self.maximum_bytes_billed}, "
                "expected a number of bytes, or 0 for no bound. Give 10**12 for a terabyte."
            )
        for name, value in self.labels.items():
            if not isinstance(value, str):
                raise InputError(
                    f"bigquery_example_gen: `labels` has {name!r}: {value!r}, expected strings. "
                    f"Write it as {{{name!r}: {str(value).lower()!r}}}."
                )
        # `slots` makes another class of this one, which super() without arguments does not know.
        QueryParams.__post_init__(self)

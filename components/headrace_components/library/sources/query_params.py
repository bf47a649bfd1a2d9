"""Parameters of components that read the rows of queries. Standard library only."""

import datetime
import re
from dataclasses import dataclass

from headrace_components.contract.errors import InputError
from headrace_components.contract.reading import given
from headrace_components.library.sources import configs
from headrace_components.library.sources.configs import InputConfig, InputSplit
from headrace_components.library.sources.params import ExampleGenParams

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_PLACEHOLDER = re.compile("@span_(begin_timestamp|end_timestamp|yyyymmdd_utc)")


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryParams(ExampleGenParams):
    """`ExampleGenParams` of a component that reads the rows of queries.

    Attributes:
        query: The query. `@span_begin_timestamp` and `@span_end_timestamp` stand for the seconds
            since the epoch at which the span's day begins and ends in UTC. `@span_yyyymmdd_utc`
            stands for its date in quotes, such as '20240101'.
        input_config: Instead of `query`, one query for each split, as a tfx.proto.Input:
            `{"splits": [{"name": ..., "pattern": "SELECT ..."}]}`.
        range_config: A tfx.proto.RangeConfig with one span: `{"static_range": {"start_span_number":
            ..., "end_span_number": ...}}`.
        span: The span to read, in days since 1970-01-01. With -1, `range_config` decides.
    """

    query: str = ""

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        if bool(self.query) == (self.input_config != InputConfig()):
            raise InputError(
                f"`query` is {self.query!r} and `input_config` {given(self.input_config)}, "
                "expected one of the two. Give the query, or one for each input split as its "
                "pattern."
            )
        # `slots` makes another class of this one, which super() without arguments does not know.
        ExampleGenParams.__post_init__(self)
        if self.range_config.rolling_range is not None and self.range_config.static_range is None:
            raise InputError(
                f"`range_config` is {given(self.range_config)}, expected a static_range: which "
                "span of a database is the latest cannot be seen. Give that, or `span`."
            )
        has_placeholder = any(_PLACEHOLDER.search(split.pattern) for split in self.input_splits)
        if has_placeholder and self.only_span is None:
            raise InputError(
                "the query has @span_begin_timestamp or another placeholder for "
                "a span, but no span is given. Give `span`, as days since 1970-01-01, or a "
                "static_range in `range_config`."
            )
        if self.only_span is not None and not has_placeholder:
            raise InputError(
                f"span {self.only_span} is asked for, but the query has no "
                "placeholder for it. Put @span_begin_timestamp and @span_end_timestamp or "
                "@span_yyyymmdd_utc into it, or leave `span` and `range_config` out."
            )

    @property
    def input_splits(self) -> tuple[InputSplit, ...]:
        """The queries as the author wrote them."""
        if self.query:
            return (InputSplit(name="single_split", pattern=self.query),)
        return configs.input_splits(self.input_config)

    @property
    def queries(self) -> dict[str, str]:
        """The queries by input split, with the span in place of its placeholders."""
        return {split.name: self._at_span(split.pattern) for split in self.input_splits}

    def _at_span(self, query: str) -> str:
        """Returns a query for a span, like `tfx.components.example_gen.utils`."""
        if self.only_span is None:
            return query
        begin = _EPOCH + datetime.timedelta(days=self.only_span)
        end = begin + datetime.timedelta(days=1)
        values = {
            "begin_timestamp": str(int(begin.timestamp())),
            "end_timestamp": str(int(end.timestamp())),
            "yyyymmdd_utc": begin.strftime("'%Y%m%d'"),
        }
        return _PLACEHOLDER.sub(lambda match: values[match[1]], query)

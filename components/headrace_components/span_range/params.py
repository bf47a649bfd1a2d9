"""Parameters of SpanRange."""

from dataclasses import dataclass

from headrace_components.library.sources import configs
from headrace_components.library.sources.configs import RangeConfig, SpanRange


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanRangeParams:
    """Parameters that a pipeline author may set.

    Attributes:
        range_config: A tfx.proto.RangeConfig: `{"rolling_range": {"num_spans": ...}}` for this
            number of spans up to the newest, or `{"static_range": {"start_span_number": ...,
            "end_span_number": ...}}`.
        search_root: Directory or URI to search instead of this pipeline's root.
        output_key: What lineage on this machine calls the output, for readers of TFX's metadata,
            who know the key of a Resolver's channel; empty for `span_examples`.
    """

    range_config: RangeConfig
    search_root: str = ""
    output_key: str = ""

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        configs.span_range(self.range_config)

    @property
    def span_range(self) -> SpanRange:
        """The range of `range_config`."""
        return configs.span_range(self.range_config)

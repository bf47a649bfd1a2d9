"""Parameters of SpanRange."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.library.sources import configs
from headrace_components.library.sources.configs import SpanRange


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanRangeParams:
    """What a pipeline author may choose.

    Attributes:
        range_config: `tfx.proto.RangeConfig` as JSON.
        search_root: Directory or URI to search instead of this pipeline's root; or empty.
    """

    range_config: Mapping[str, Any] = field(default_factory=dict)
    search_root: str = ""

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        configs.span_range("span_range", self.range_config)

    @property
    def span_range(self) -> SpanRange:
        """What `range_config` says."""
        return configs.span_range("span_range", self.range_config)

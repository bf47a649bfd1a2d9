"""Parameters of LatestBlessedModel."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LatestBlessedModelParams:
    """Parameters that a pipeline author may set.

    Attributes:
        search_root: Directory or URI to search instead of this pipeline's root.
    """

    search_root: str = ""

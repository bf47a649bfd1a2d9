"""Parameters of LatestBlessedModel."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LatestBlessedModelParams:
    """What a pipeline author may choose.

    Attributes:
        search_root: Directory or URI to search instead of this pipeline's root; or empty.
    """

    search_root: str = ""

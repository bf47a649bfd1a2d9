"""Parameters of LatestBlessedModel."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LatestBlessedModelParams:
    """Parameters that a pipeline author may set.

    Attributes:
        blessings: The outputs whose blessings count, as `["evaluator/blessing"]`, or tasks, as
            `["evaluator"]`. Empty for every blessing.
        models: The outputs whose models count, as `["trainer/model"]`, or tasks. Empty for every
            model.
        search_root: Directory or URI to search instead of this pipeline's root.
    """

    blessings: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    search_root: str = ""

"""The splits that a component reads. Standard library only."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitNeed:
    """Splits that an input must have.

    Attributes:
        port: The input artifact.
        parameter: The parameter that names them, or would, for messages.
        names: Names of the splits.
    """

    port: str
    parameter: str
    names: Sequence[str]

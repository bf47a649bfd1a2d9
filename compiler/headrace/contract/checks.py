"""The checks of `headrace doctor`."""

from dataclasses import dataclass
from typing import Literal

CheckState = Literal["ok", "missing", "broken"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        name: The thing that was looked for.
        state: `ok`; `missing`, which takes something away; `broken`, which must be repaired.
        found: What is there, or why it does not serve.
        enables: The work that Headrace can do with it.
        advice: The next step; empty if everything is fine.
    """

    name: str
    state: CheckState
    found: str
    enables: str
    advice: str = ""

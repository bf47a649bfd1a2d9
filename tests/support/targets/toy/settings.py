"""The table [toy]."""

from dataclasses import dataclass

from headrace.errors import CompileError
from headrace.profiles.target_settings import TargetSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Toy(TargetSettings):
    """Settings of the target `toy`.

    Attributes:
        owner: The contact for its pipelines.
    """

    owner: str = ""

    def __post_init__(self) -> None:
        """Rejects an owner of several words."""
        if " " in self.owner:
            raise CompileError(f"`owner` is {self.owner!r}, expected one word. Shorten it.")

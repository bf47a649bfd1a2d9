"""Which part of a pipeline a run is to run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class PartRequest:
    """A part of a pipeline, as the caller names it.

    Attributes:
        from_nodes: The nodes whose results are made again, with all that depends on them; empty for
            all.
        to_nodes: The nodes that are wanted; empty for all.
        base_run: The run whose results stand for the other nodes; empty for the latest that has
            them.
    """

    from_nodes: tuple[str, ...] = ()
    to_nodes: tuple[str, ...] = ()
    base_run: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole pipeline."""
        return not self.from_nodes and not self.to_nodes

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON data."""
        return {
            "from_nodes": list(self.from_nodes),
            "to_nodes": list(self.to_nodes),
            "base_run": self.base_run,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PartRequest":
        """Reads the result of `to_json`."""
        return cls(
            from_nodes=tuple(map(str, data["from_nodes"])),
            to_nodes=tuple(map(str, data["to_nodes"])),
            base_run=str(data["base_run"]),
        )

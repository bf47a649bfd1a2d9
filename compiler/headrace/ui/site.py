"""What the pages show: the runs of one target, over one root."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.contract.target import target_named
from headrace.target_registry import TARGETS

if TYPE_CHECKING:
    from starlette.requests import Request

    from headrace.contract.target import LineageReader


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """The place of the runs. Pages ask it for readers, and know no target.

    Attributes:
        target: Name of the target.
        root: Root directory of runs on this machine, absolute.
        metadata: URL of the metadata store; empty for that of the target.
        config: The profile's file; None for headrace.toml of the current directory.
    """

    target: str
    root: Path
    metadata: str = ""
    config: Path | None = None

    @property
    def place(self) -> str:
        """Where the runs are, for people."""
        return self.target if TARGETS[self.target].has_service else str(self.root)

    def lineage(self) -> "LineageReader | None":
        """Returns a reader for this request alone; None if the target has no lineage here.

        Raises:
            InputError: There is no metadata store yet.
            PlatformError: The store or the service cannot be reached.
        """
        return target_named(self.target).lineage(self.root, self.metadata, self.config)


def site_of(request: "Request") -> Site:
    """Returns the site of the server that got a request."""
    site: Site = request.app.state.site
    return site

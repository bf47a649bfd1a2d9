"""What the pages show: the runs of one target, over one root."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.contract.target import target_named
from headrace.profiles.profile import read_profile
from headrace.target_registry import TARGETS
from headrace_components.contract.errors import InputError

if TYPE_CHECKING:
    from starlette.requests import Request

    from headrace.contract.explanations import Explanation
    from headrace.contract.service import Runs
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
        return self.target if self.is_of_service else str(self.root)

    @property
    def is_of_service(self) -> bool:
        """Whether a service has the runs, so that each question takes a while."""
        return TARGETS[self.target].has_service

    def runs(self) -> "Runs":
        """Returns what answers questions about the runs.

        Raises:
            InputError: There is no root, or the profile does not name a service.
            PlatformError: The service cannot be reached.
        """
        if self.is_of_service:
            return _connected(self)
        return target_named(self.target).runs(self.root, read_profile(self.config))

    def explain(self, run_id: str, task: str) -> "Explanation | None":
        """Returns why a task ended as it did; None if it is not known."""
        try:
            return target_named(self.target).explain(self.root, run_id, task)
        except InputError:  # its record is damaged: the rest of the page is whole
            return None

    def lineage(self) -> "LineageReader | None":
        """Returns a reader for this request alone; None if the target has no lineage here.

        Raises:
            InputError: There is no metadata store yet.
            PlatformError: The store or the service cannot be reached.
        """
        return target_named(self.target).lineage(self.root, self.metadata, self.config)


@functools.lru_cache
def _connected(site: Site) -> "Runs":
    """Returns the connection to a service, which all requests share."""
    return target_named(site.target).runs(site.root, read_profile(site.config))


def site_of(request: "Request") -> Site:
    """Returns the site of the server that got a request."""
    site: Site = request.app.state.site
    return site

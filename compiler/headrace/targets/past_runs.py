"""`headrace.runs`: the latest runs on this machine or on a service."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.contract.run_filter import RunFilter
from headrace.contract.service import ServiceRun
from headrace.contract.target import target_named
from headrace.profiles.profile import Profile, read_profile
from headrace.target_registry import TargetName


class RunList(tuple[ServiceRun, ...]):
    """Runs, the newest first. A notebook shows them as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        from headrace.display.notebook_tables import runs_html

        return runs_html(self)


def runs(
    target: TargetName = "local",
    *,
    root: str | Path = "headrace_root",
    config: str | Path | Profile | None = None,
    pipeline: str = "",
    state: str = "",
    parameters: Mapping[str, Any] | None = None,
    limit: int = 20,
) -> RunList:
    """Returns the latest runs.

    Args:
        target: Where they ran: `local`, `kubeflow` or `vertex`.
        root: Directory of the runs on this machine.
        config: A target profile or its file; None reads `headrace.toml` of the current directory,
            if it exists.
        pipeline: Only those of this pipeline.
        state: Only those in this state.
        parameters: Only those with these values of these parameters.
        limit: Most runs to return, at least 1.

    Raises:
        InputError: There is no such directory, or the profile names no service.
        PlatformError: The service does not answer, or refuses this account.
    """
    profile = (
        config if isinstance(config, Profile) else read_profile(Path(config) if config else None)
    )
    values = {name: str(value) for name, value in (parameters or {}).items()}
    which = RunFilter(pipeline=pipeline, state=state, parameters=values)
    return RunList(target_named(target).runs(Path(root), profile).runs(limit, which))

"""How to run a pipeline on this machine, without the pipeline itself."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from headrace.profiles.tracking import Tracking
from headrace.targets.local.shared.container_options import ContainerOptions
from headrace.targets.local.shared.part_request import PartRequest
from headrace.targets.local.shared.rules import RULES, Backend
from headrace_components.contract.errors import InputError

RunnerName = Literal["worker", "process", "venv", "docker", "podman"]

DEFAULT_ROOT = "headrace_root"

CONTAINER_RUNNERS = frozenset({"docker", "podman"})
"""The runners that run each task in its image; they are named as their engines are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How to run, without the pipeline itself.

    Attributes:
        root: The directory of runs, cache and lineage.
        runner: `worker`: tasks of Headrace are forked from a process that has done their imports.
            `process`: each gets a fresh interpreter. `venv`: one of an environment made from its
            image's lock. `docker` and `podman`: each task runs in a container of its image.
        containers: How the last two run containers.
        use_cache: Whether a task may be answered by an earlier one like it.
        metadata: URL of the lineage database; empty for SQLite under `root`.
        concurrency: How many tasks may run at once; 0 for the number of CPU cores.
        like: The backend whose rules apply to components that do not belong to Headrace.
        part: The part of the pipeline to run.
        tracking: Where the run is logged for comparison.
        keep_worker: Whether the process that forks tasks stays for the next run of this process,
            with the imports that it has done: in a notebook, where each cell is a run.
    """

    root: Path = Path(DEFAULT_ROOT)
    runner: RunnerName = "worker"
    containers: ContainerOptions = field(default_factory=ContainerOptions)
    use_cache: bool = True
    metadata: str = ""
    concurrency: int = 0
    like: Backend = "kubeflow"
    part: PartRequest = field(default_factory=PartRequest)
    tracking: Tracking = field(default_factory=Tracking)
    keep_worker: bool = False

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        if self.runner not in get_args(RunnerName):
            raise InputError(
                f"headrace run: the runner is {self.runner!r}, expected one of "
                f"{list(get_args(RunnerName))}. Choose one of these."
            )
        without_config = replace(self.containers, config=None)
        if self.runner not in CONTAINER_RUNNERS and without_config != ContainerOptions():
            raise InputError(
                f"headrace run: the runner is {self.runner!r}, but --mount and --network "
                "are for containers. Add --runner docker or podman, or leave them out."
            )
        if self.part.base_run and self.part.is_whole:
            raise InputError(
                f"headrace run: the run to base on is {self.part.base_run!r}, but the whole "
                "pipeline runs. Name the nodes of a part with --from-nodes or --to-nodes."
            )
        if self.like not in RULES:
            raise InputError(
                f"headrace run: `like` is {self.like!r}, expected one of {list(RULES)}. Choose "
                "the backend that the pipeline is for."
            )
        if self.concurrency < 0:
            raise InputError(
                f"headrace run: `concurrency` is {self.concurrency}, expected a number of tasks. "
                "Pass 0 for one a CPU core."
            )

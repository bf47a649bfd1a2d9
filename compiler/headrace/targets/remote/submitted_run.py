"""`headrace.submit`: from a pipeline, in Python, to a run on Kubeflow or Vertex AI."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.contract.service import Remote, ServiceRun, ServiceRunState, ServiceTask
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import PipelineSource
from headrace.profiles.profile import Profile, read_profile
from headrace.target_registry import TargetName, with_service
from headrace.targets.remote.connecting import connect
from headrace.targets.remote.ordering import order_of
from headrace.targets.remote.watching import Watching, watch


class SubmittedRun:
    """A run on Kubeflow or Vertex AI, in its state at the last request.

    `refresh` asks again, `wait` asks until the run is over.
    """

    def __init__(
        self, remote: Remote, run: ServiceRun, how: Watching, notes: tuple[str, ...] = ()
    ) -> None:
        """Notes which run it is.

        Args:
            remote: The service that runs it.
            run: The run, as the service describes it.
            how: How it is watched.
            notes: Lines for the author, from compiling.
        """
        self._remote = remote
        self._run = run
        self._how = how
        self._notes = notes

    def __repr__(self) -> str:
        return f"SubmittedRun(id={self.id!r}, state={self.state!r}, link={self.link!r})"

    @property
    def id(self) -> str:
        """The name that `headrace runs` takes."""
        return self._run.id

    @property
    def link(self) -> str:
        """Its page for people."""
        return self._run.link

    @property
    def state(self) -> ServiceRunState:
        """Its state; `succeeded`, `failed` and `cancelled` are final."""
        return self._run.state

    @property
    def is_over(self) -> bool:
        """Whether its state is final."""
        return self._run.is_over

    @property
    def message(self) -> str:
        """Why it failed as a whole; empty otherwise."""
        return self._run.message

    @property
    def tasks(self) -> tuple[ServiceTask, ...]:
        """Its tasks that are known by now, in the order in which they started."""
        return self._run.tasks

    @property
    def notes(self) -> tuple[str, ...]:
        """The lines that `headrace submit` prints before it starts a run."""
        return self._notes

    def refresh(self) -> "SubmittedRun":
        """Asks the service once, and returns this object.

        Raises:
            InputError: There is no such run any more.
            PlatformError: The service does not answer, or refuses this account.
        """
        self._run = self._remote.describe(self.id)
        return self

    def wait(self) -> "SubmittedRun":
        """Waits until the run is over, and returns this object. A run that fails does not raise.

        Raises:
            InputError: There is no such run any more.
            ContactLostError: The service did not answer for ten minutes. The run goes on.
            PlatformError: The service refuses this account. The run goes on.
        """
        # rich takes a fifth of a second to import.
        from rich.console import Console

        from headrace.display.progress import ProgressDisplay

        quiet = Console(quiet=True, force_interactive=False)
        with ProgressDisplay(quiet) as display:
            self._run = watch(self._remote, self.id, display, self._how)
        return self

    def log(self, task: str) -> str | None:
        """Returns the output of a task so far, or None if there is nothing to read.

        Raises:
            InputError: The run does not have this task.
            PlatformError: The service does not answer, or refuses this account.
        """
        return self._remote.log(self.id, task)

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: its state and its tasks, as they were at the last look."""
        # Imported here: only notebooks need it.
        from headrace.display.notebook_tables import run_html

        return run_html(self._run)

    def cancel(self) -> None:
        """Asks for the run to end, which takes a while. A finished run stays unchanged.

        Raises:
            PlatformError: The service does not answer, or refuses this account.
        """
        self._remote.cancel(self.id)


def submit(
    pipeline: PipelineSource,
    *,
    target: TargetName,
    config: str | Path | Profile | None = None,
    parameters: Mapping[str, Any] | None = None,
    run_id: str = "",
    use_cache: bool = True,
    wait: bool = True,
    poll_seconds: float | None = None,
    flags: Sequence[str] = (),
) -> SubmittedRun:
    """Runs a pipeline on Kubeflow or Vertex AI.

    A run that fails does not raise: its `state` is then `failed` and its `tasks` have the reasons.
    Ctrl-C ends the waiting and not the run.

    Args:
        pipeline: `PIPELINE.py[:name]`, a function decorated with `kfp.dsl.pipeline`, or a
            `tfx.dsl.Pipeline`.
        target: `kubeflow` or `vertex`.
        config: A target profile or its file; None reads `headrace.toml` of the current directory,
            if it exists.
        parameters: Values of the pipeline's parameters, before those of the profile. The local path
            of a module file is packed into the run; it is relative to the current directory.
        run_id: The name of the run; empty leaves it to the service.
        use_cache: Whether a task may be answered by an earlier one like it.
        wait: Whether to return when the run is over, or when it has started.
        poll_seconds: How often to look; None for every second at first and every ten later.
        flags: What the file of a TFX pipeline finds on its command line, as `["--steps=100"]`.

    Raises:
        CompileError: There is a mistake in the pipeline or the profile; nothing was started.
        InputError: There is a mistake in a parameter, or the service refuses the request.
        ContactLostError: The service does not answer. A run that has started goes on.
        PlatformError: The service refuses this account.
    """
    if target not in with_service():
        raise CompileError(
            f"submit: target is {target!r}, expected one of {with_service()}. Name one; "
            "headrace.run runs a pipeline on this machine."
        )
    profile = (
        config if isinstance(config, Profile) else read_profile(Path(config) if config else None)
    )
    # Compile first: an author's error needs no account.
    order = order_of(
        pipeline,
        target,
        profile,
        parameters or {},
        run_id=run_id,
        use_cache=use_cache,
        flags=flags,
    )
    remote = connect(target, profile)
    how = Watching(
        pause_seconds=poll_seconds,
        pending_timeout_seconds=target_named(target).pending_timeout_seconds(profile),
    )
    notes = (*order.compiled.notes, *filter(None, [order.fingerprints]))
    run = SubmittedRun(remote, remote.submit(order), how, notes)
    return run.wait() if wait else run

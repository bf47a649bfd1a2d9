"""Shared by the commands for runs: where the runs are, and how one is named."""

import functools
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.remote_options import EXIT_INTERRUPTED, EXIT_RUN_FAILED, config_option
from headrace.target_registry import with_runs
from headrace_components.contract.errors import InputError, PlatformError

if TYPE_CHECKING:
    from headrace.contract.service import Runs, ServiceRun
    from headrace.contract.target import Target

_LOCAL = "local"
_DEFAULT_ROOT = "headrace_root"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPlace:
    """Where runs are.

    Attributes:
        target: The target that runs them.
        root: Directory of the runs on this machine; None for the default one.
        config: The profile's file; None for headrace.toml of the current directory.
    """

    target: str = _LOCAL
    root: Path | None = None
    config: Path | None = None

    @property
    def is_here(self) -> bool:
        """Whether they run on this machine."""
        return self.target == _LOCAL

    @property
    def options(self) -> str:
        """The options with which another command finds the same runs, with a space before each."""
        named = {
            "--target": "" if self.is_here else self.target,
            "--root": str(self.root or ""),
            "--config": str(self.config or ""),
        }
        return "".join(f" {option} {shlex.quote(text)}" for option, text in named.items() if text)

    def how(self) -> "Target":
        """Returns the target."""
        from headrace.contract.target import target_named

        return target_named(self.target)

    def runs(self) -> "Runs":
        """Returns the runs."""
        from headrace.profiles.profile import read_profile

        if self.root is not None and not self.is_here:
            raise InputError(
                f"headrace runs: --root is {str(self.root)!r}, but --target is {self.target!r}, "
                "whose runs are not under a root. Leave one of them out."
            )
        return self.how().runs(self.root or Path(_DEFAULT_ROOT), read_profile(self.config))

    def found(self, text: str, command: str) -> "tuple[Runs, str]":
        """Returns the runs, and the ID of the one that a text stands for."""
        from headrace.contract.run_names import resolved

        runs = self.runs()
        return runs, resolved(runs, text, command)


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options of a place, and hands it the place as `place`."""

    @click.option(
        "--target",
        type=click.Choice(with_runs()),
        default=_LOCAL,
        show_default=True,
        help="What runs it: this machine, or a service.",
    )
    @click.option(
        "--root",
        type=click.Path(path_type=Path, file_okay=False),
        help=f"Root directory of the runs on this machine. Default: {_DEFAULT_ROOT}.",
    )
    @config_option
    @functools.wraps(command)
    def with_place(
        *args: Any, target: str, root: Path | None, config: Path | None, **rest: Any
    ) -> Any:
        return command(*args, place=RunPlace(target=target, root=root, config=config), **rest)

    return with_place


def place_line(run: "ServiceRun") -> str:
    """Returns the line about the page of a run, or its directory."""
    return f"{'Page' if '://' in run.link else 'Directory'}: {run.link}"


def watched(runs: "Runs", run_id: str, place: RunPlace, pause_seconds: float | None) -> int:
    """Shows a run until it is over, and returns the exit code.

    If the watching ends early, the run goes on: prints how to come back to it.
    """
    from headrace.cli.interrupts import interruptible
    from headrace.display.progress import ProgressDisplay
    from headrace.profiles.profile import read_profile
    from headrace.targets.remote.watching import Watching, watch

    target = place.how()
    has_logs = target.has_logs
    how = Watching(
        pause_seconds=pause_seconds or target.pause_seconds,
        pending_timeout_seconds=target.pending_timeout_seconds(read_profile(place.config)),
        logs_command=f"headrace runs logs{place.options} {run_id}" if has_logs else "",
    )
    try:
        with interruptible(), ProgressDisplay() as display:
            run = watch(runs, run_id, display, how)
    except KeyboardInterrupt:
        _say_how_to_go_on(run_id, place)
        return EXIT_INTERRUPTED
    except PlatformError:
        _say_how_to_go_on(run_id, place)
        raise
    click.echo(place_line(run), err=True)
    return 0 if run.state == "succeeded" else EXIT_RUN_FAILED


def _say_how_to_go_on(run_id: str, place: RunPlace) -> None:
    click.echo(f"\nRun {run_id} goes on without this command.", err=True)
    click.echo(f"To watch it:  headrace runs watch {run_id}{place.options}", err=True)
    click.echo(f"To cancel it: headrace runs cancel {run_id}{place.options}", err=True)

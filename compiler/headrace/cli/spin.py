"""`headrace spin`: runs one task of a run again."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from headrace.targets.local.shared.options import RunnerName
from headrace.targets.local.shared.results import RunResult

if TYPE_CHECKING:
    from headrace.targets.local.spinning import Spun

EXIT_TASK_FAILED = 1
EXIT_INTERRUPTED = 130


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("task")
@click.option(
    "-p",
    "--parameter",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the task, for this try; lists and dicts as JSON. May be repeated.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("headrace_root"),
    show_default=True,
    help="Root directory of the runs on this machine.",
)
@click.option(
    "--runner",
    type=click.Choice(get_args(RunnerName)),
    help="How the task runs, as for `headrace run`. Default: as in the run.",
)
def spin(
    run_id: str, task: str, assignments: tuple[str, ...], root: Path, runner: RunnerName | None
) -> int:
    """Run TASK of RUN again, with the inputs that it had and the code as it is now.

    What it prints is shown while it runs. Its outputs are in a directory of their own: neither
    lineage nor the cache hear of them, and the run stays as it is. RUN is an ID, the beginning of
    one, or a word such as latest. TASK is a name that `headrace runs show` prints, of a loop also
    for-loop-1/0/trainer.
    """
    from headrace.display.outcomes import duration
    from headrace.display.progress import ProgressDisplay
    from headrace.targets.local.spinning import Spin
    from headrace.targets.local.spinning import spin as spin_task

    asked = Spin(run_id=run_id, task=task, root=root, assignments=assignments, runner=runner)
    with ProgressDisplay() as display:
        spun = spin_task(asked, display, lambda text: click.echo(text, nl=False, err=True))
    result = spun.result
    _show(result)
    click.echo(f"{task} {result.state} in {duration(result.seconds)}.")
    _say_how_to_go_on(spun, root, has_own_parameters=bool(assignments))
    if result.state == "interrupted":
        return EXIT_INTERRUPTED
    return 0 if result.state == "succeeded" else EXIT_TASK_FAILED


def _show(result: RunResult) -> None:
    from headrace.display.verdicts import summary_lines

    for failure in result.failures:
        click.echo(f"{failure.task} failed: {failure.message}")
        click.echo(f"Its log: {failure.log}")
    for outcome in result.tasks:
        for name, value in outcome.parameters.items():
            click.echo(f"Output {name}: {value!r}")
        for port, artifacts in outcome.artifacts.items():
            for artifact in artifacts:
                click.echo(f"Output {port}: {artifact.uri}")
    for line in summary_lines(result.summary, ascii_only=True):
        click.echo(line.plain)


def _say_how_to_go_on(spun: "Spun", root: Path, *, has_own_parameters: bool) -> None:
    source = spun.result.pipeline_source
    if spun.result.state != "succeeded" or not source:
        return
    command = shlex.join(["headrace", "run", source, "--root", str(root.absolute())])
    if has_own_parameters:
        click.echo("The parameters of -p were for this try. Set them in the pipeline to keep them.")
    click.echo(f"To finish the run with this code: {command} --resume {spun.base}")
    click.echo(f"To start a new run: {command}")

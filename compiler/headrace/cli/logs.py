"""`headrace logs`, the short form of `headrace runs logs`: prints what tasks have printed."""

import click

from headrace.cli.remote_options import EXIT_INTERRUPTED, pause_option
from headrace.cli.run_options import RunPlace, place_options


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("task", required=False)
@place_options
@click.option("-f", "--follow", is_flag=True, help="Print new lines until the tasks end.")
@pause_option
def logs(
    run_id: str, task: str | None, place: RunPlace, follow: bool, pause_seconds: float | None
) -> int:
    """Print the log of TASK, or the logs of all tasks of RUN that have one.

    TASK is a name that `headrace runs show` prints. If a task was tried again on a service, the log
    is that of the latest attempt; if its driver failed, it is that of the driver.
    """
    from headrace.cli.interrupts import interruptible
    from headrace.targets.remote.logs import follow_logs, print_logs

    runs, run_id = place.found(run_id, "headrace runs logs")
    if not follow:
        print_logs(runs, run_id, task, click.echo)
        return 0
    try:
        with interruptible():
            follow_logs(runs, run_id, task, click.echo, pause_seconds or place.how().pause_seconds)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0

"""`headrace diff`: shows what changed between two runs."""

import dataclasses
from typing import TYPE_CHECKING

import click

from headrace.cli.remote_options import echo_json, echo_line, json_option
from headrace.cli.run_options import RunPlace, place_options
from headrace_components.contract.errors import InputError

if TYPE_CHECKING:
    from headrace.contract.service import Runs, ServiceRun


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("other_id", metavar="[RUN]", required=False)
@place_options
@click.option("--whole", is_flag=True, help="Show changes of code and schemas to their end.")
@json_option
def diff(run_id: str, other_id: str | None, place: RunPlace, whole: bool, as_json: bool) -> None:
    """Show what changed from the first RUN to the second.

    With one RUN it is compared with the run of its pipeline before it. The parts are the pipeline,
    the code of modules, the environment, the parameters of the run and of its tasks; then artifacts
    with their schemas, verdicts and metrics.

    JSON: {runs, pipeline, code, environment, parameters, tasks, artifacts, verdicts, metrics}, each
    part a list of {kind, what, aspect, before, after, lines}.
    """
    from headrace.contract.run_names import resolved
    from headrace.display.runs.difference_lines import difference_lines
    from headrace.display.runs.differences import difference

    runs, new = place.found(other_id or run_id, "headrace diff")
    after = runs.describe(new)
    old = resolved(runs, run_id, "headrace diff") if other_id else _before(runs, after)
    before = runs.describe(old)
    found = difference(before, after, runs.source(old), runs.source(new))
    if as_json:
        parts = {
            name: [dataclasses.asdict(change) for change in changes]
            for name, changes in found.sections.items()
        }
        echo_json({"runs": [old, new], **parts})
        return
    for line in difference_lines(found, whole=whole):
        echo_line(line)


def _before(runs: "Runs", run: "ServiceRun") -> str:
    """Returns the run of the same pipeline that was made before a run."""
    from headrace.contract.run_filter import RunFilter

    if not run.pipeline:
        raise InputError(
            f"headrace diff: the service does not say which pipeline {run.id!r} is a run of. Name "
            "two runs."
        )
    ids = [each.id for each in runs.runs(None, RunFilter(pipeline=run.pipeline))]
    older = ids[ids.index(run.id) + 1 :] if run.id in ids else []
    if not older:
        raise InputError(
            f"headrace diff: {run.id!r} is the first run of the pipeline {run.pipeline!r}, so it "
            "has none before it. Name two runs."
        )
    return older[0]

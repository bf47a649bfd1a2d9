"""`headrace gc`: removes what takes space and is no longer needed."""

import dataclasses
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.cli.remote_options import echo_json, json_option
from headrace_components.contract.errors import InputError

if TYPE_CHECKING:
    from headrace.targets.local.garbage.items import Item, KeptRun

EXIT_NOT_ALL = 1
_DEFAULT_ROOT = Path("headrace_root")
_UNUSED_FOR = timedelta(days=30)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_TITLES = {
    "run": "old runs",
    "spin": "tries of headrace spin",
    "leftover": "leftovers of killed tasks",
    "cache": "useless entries of the cache",
    "environment": "unused environments",
    "image": "unused images",
}


@click.command()
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Root directory of the runs on this machine. Default: {_DEFAULT_ROOT}.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Remove runs that are not among the newest N of their pipeline.",
)
@click.option(
    "--older-than",
    metavar="AGE",
    help="Remove runs that are older, for example 30d, 12h or 8w. With --keep, both must be true.",
)
@click.option(
    "--images",
    "with_images",
    is_flag=True,
    help="Also remove images of Headrace in podman, docker.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and end.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def gc(
    root: Path | None,
    keep: int | None,
    older_than: str | None,
    with_images: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Remove old runs, leftovers of killed tasks, and environments that are no longer used.

    It shows first what it would remove, and asks. Runs are only removed with --keep or
    --older-than. A run stays if it goes on, is the newest of its pipeline or the newest that
    succeeded, has the newest blessed or pushed model, or if a run that stays has artifacts of it.
    Environments stay that the components need now and that a run has used in the last 30 days, or
    the time of --older-than; so do images.

    JSON: {items, kept, removed}: items are {kind, name, place, num_bytes, reason, engine}, kept are
    {run, reason}; `removed` has, for each item by its place, why it stays, or an empty text.
    """
    from headrace.targets.local.garbage.removing import remove

    age = None if older_than is None else _age(older_than)
    place = (root or _DEFAULT_ROOT).absolute()
    if root is not None and not place.is_dir():
        raise InputError(
            f"headrace gc: --root is {str(root)!r}, which is not a directory. Name the root of "
            "earlier runs, or leave it out."
        )
    items, kept = _found(place, keep, age, with_images=with_images)
    if as_json and not (dry_run or yes):
        raise InputError(
            "headrace gc: --json asks nothing, so it needs --dry-run to show what it would remove, "
            "or --yes to remove it."
        )
    if not as_json:
        _show(items, kept)
    removed: dict[str, str] = {}
    if items and not dry_run and (yes or _agreed(items)):
        removed = {item.place: remove(item, place) for item in items}
    problems = {place: reason for place, reason in removed.items() if reason}
    if as_json:
        echo_json(
            {
                "items": [dataclasses.asdict(item) for item in items],
                "kept": [dataclasses.asdict(run) for run in kept],
                "removed": removed,
            }
        )
    elif removed:
        gone = [item for item in items if not removed[item.place]]
        click.echo(f"Removed {len(gone)}, which frees {_size(_sum(gone))}.")
        for name, reason in problems.items():
            click.echo(f"Stays: {name}: {reason}")
    return EXIT_NOT_ALL if problems else 0


def _found(
    root: Path, keep: int | None, older_than: timedelta | None, *, with_images: bool
) -> tuple[list["Item"], list["KeptRun"]]:
    from headrace.targets.local.garbage.environments_and_images import environments, images
    from headrace.targets.local.garbage.leftovers import leftovers
    from headrace.targets.local.garbage.old_runs import Age, old_runs

    unused_for = older_than or _UNUSED_FOR
    items, kept = old_runs(root, Age(keep=keep, older_than=older_than), datetime.now(UTC))
    places = {Path(item.place) for item in items}
    for item in leftovers(root):
        if places.isdisjoint(Path(item.place).parents):
            items.append(item)
    items += environments(unused_for)
    if with_images:
        items += images(unused_for)
    return items, kept


def _age(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([hdw])", text.strip())
    if match is None or int(match[1]) == 0:
        raise InputError(
            f"headrace gc: --older-than is {text!r}, expected a number of hours, days or weeks, "
            "such as 12h, 30d or 8w."
        )
    return int(match[1]) * _UNITS[match[2]]


def _agreed(items: Sequence["Item"]) -> bool:
    if not sys.stdin.isatty():
        raise InputError(
            "headrace gc: nobody can answer here, so nothing was removed. Add --yes to remove it, "
            "or --dry-run to see it."
        )
    return click.confirm(f"Remove {len(items)}, and free {_size(_sum(items))}?")


def _show(items: Sequence["Item"], kept: Sequence["KeptRun"]) -> None:
    for kind, title in _TITLES.items():
        found = [item for item in items if item.kind == kind]
        if found:
            click.echo(f"{len(found)} {title}, {_size(_sum(found))}:")
        for item in found:
            click.echo(f"  {_size(item.num_bytes):>9}  {item.name}: {item.reason}")
    for run in kept:
        click.echo(f"The run {run.run} stays: {run.reason}.")
    if not items:
        click.echo("There is nothing to remove.")


def _sum(items: Sequence["Item"]) -> int:
    return sum(item.num_bytes for item in items)


def _size(num_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if num_bytes < 999.5:
            return f"{num_bytes:.0f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} GB"

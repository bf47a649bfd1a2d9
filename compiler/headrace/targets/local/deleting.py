"""Deletes a run: its lineage, its entries of the cache, and its directory, which goes at once."""

import contextlib
import secrets
import shutil
from pathlib import Path

from headrace.lineage.local_store.connection import default_url
from headrace.lineage.local_store.deletion import RunDeletion, below
from headrace.targets.local.cache import answers
from headrace.targets.local.records.record import stored_url
from headrace.targets.local.records.store import RunStore
from headrace_components.contract.errors import InputError, PlatformError

_TRASH = ".deleted"


def delete(store: RunStore, *, force: bool) -> None:
    """Deletes a run that no process works on. If it is interrupted, doing it again finishes it.

    Args:
        store: The run, locked.
        force: Whether to delete it although other runs have its artifacts from the cache.

    Raises:
        InputError: Other runs have them, or the run's lineage needs a password.
        PlatformError: The directory or the lineage cannot be changed.
    """
    _empty(store.root / _TRASH)
    lineage = RunDeletion(
        stored_url(store) or default_url(store.root), store.directory.name, store.directory
    )
    users = [run for run in lineage.users() if _exists(store.root, run)]
    if users and not force:
        raise InputError(
            f"headrace runs delete: the run {store.directory.name} made artifacts that "
            f"{_counted(users)}: {', '.join(users)}. Delete these first, or pass --force: their "
            "artifacts are then incomplete."
        )
    lineage.mark()
    answers.forget(store.root, below(store.directory))
    trash = store.root / _TRASH / f"{store.directory.name}.{secrets.token_hex(4)}"
    try:
        trash.parent.mkdir(exist_ok=True)
        store.directory.rename(trash)
    except OSError as error:
        raise PlatformError(
            f"headrace runs delete: {store.directory} cannot be removed: {error.strerror}. Run the "
            "command again as somebody who may write there."
        ) from error
    with contextlib.suppress(OSError):  # it has other runs
        store.directory.parent.rmdir()
    _empty(trash.parent)


def _exists(root: Path, run_id: str) -> bool:
    return any((path / run_id / "run.json").is_file() for path in root.glob("[!.]*"))


def _counted(users: list[str]) -> str:
    return "another run uses" if len(users) == 1 else f"{len(users)} other runs use"


def _empty(trash: Path) -> None:
    """Removes what was deleted, also by a process that was killed meanwhile."""
    shutil.rmtree(trash, ignore_errors=True)

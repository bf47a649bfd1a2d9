"""Removes what is no longer needed, unless somebody has begun to use it meanwhile."""

import contextlib
import fcntl
import secrets
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from headrace.targets.local.deleting import delete
from headrace.targets.local.garbage.items import Item, Kind
from headrace.targets.local.records.store import RunStore, remove_leftover
from headrace_components.contract.errors import ComponentError, InputError, PlatformError


def remove(item: Item, root: Path) -> str:
    """Removes an item. Returns why it stays; empty if it is gone."""
    try:
        _REMOVERS[item.kind](item, root)
    except ComponentError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or item.place}: {error.strerror}"
    return ""


def _run(item: Item, root: Path) -> None:
    store = RunStore(root=root, directory=Path(item.place))
    with store.locked():
        delete(store, force=False)


def _leftover(item: Item, root: Path) -> None:
    path = Path(item.place)
    run = RunStore(root=root, directory=root.joinpath(*path.relative_to(root).parts[:2]))
    with run.locked():
        remove_leftover(path)


def _spin(item: Item, root: Path) -> None:
    del root
    path = Path(item.place)
    with (path / ".lock").open("a", encoding="utf-8") as file:
        _hold(file.fileno(), item)
        shutil.rmtree(path)


def _cache(item: Item, root: Path) -> None:
    del root
    Path(item.place).unlink(missing_ok=True)


def _environment(item: Item, root: Path) -> None:
    del root
    path = Path(item.place)
    lock = path.with_name(f".{path.name}.lock")
    with lock.open("w", encoding="utf-8") as file:
        _hold(file.fileno(), item)
        # One rename, so that nobody finds a half of it.
        gone = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        with contextlib.suppress(OSError):
            lock.unlink()


def _image(item: Item, root: Path) -> None:
    del root
    result = subprocess.run(
        [item.engine, "rmi", item.place], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise PlatformError(" ".join(result.stderr.split())[:300])


def _hold(descriptor: int, item: Item) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(f"{item.name} is in use") from error


_REMOVERS: Mapping[Kind, Callable[[Item, Path], None]] = {
    "run": _run,
    "spin": _spin,
    "leftover": _leftover,
    "cache": _cache,
    "environment": _environment,
    "image": _image,
}

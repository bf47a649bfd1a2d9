"""What killed processes and tries leave under a root."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from headrace.targets.local.cache.answers import CACHE
from headrace.targets.local.garbage.items import Item, size_of
from headrace.targets.local.records import listing
from headrace.targets.local.records.store import SPINS, RunStore

_DAY_SECONDS = 86_400.0


def leftovers(root: Path, max_age_seconds: float = _DAY_SECONDS) -> Iterator[Item]:
    """Yields the unfinished outputs of tasks that were killed, old tries, and useless entries."""
    for store in listing.stores(root):
        if store.is_locked:
            continue
        for path in store.leftovers():
            yield Item(
                kind="leftover",
                name=str(path.relative_to(root)),
                place=str(path),
                num_bytes=size_of(path),
                reason="its task was killed",
            )
    for path in sorted((root / SPINS).glob("*")):
        store = RunStore(root=root, directory=path)
        if not store.is_locked and time.time() - path.stat().st_mtime >= max_age_seconds:
            yield Item(
                kind="spin",
                name=path.name,
                place=str(path),
                num_bytes=size_of(path),
                reason="it is a try of `headrace spin` from another day",
            )
    for file in sorted((root / CACHE).glob("*.json")):
        if _is_dangling(file):
            yield Item(
                kind="cache",
                name=file.name,
                place=str(file),
                num_bytes=file.stat().st_size,
                reason="its outputs are gone",
            )


def _is_dangling(entry: Path) -> bool:
    """Returns whether an entry of the cache has outputs on this machine that are gone."""
    try:
        artifacts = json.loads(entry.read_text("utf-8"))["artifacts"]
        uris = [str(each["uri"]) for found in artifacts.values() for each in found]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return True
    return any(uri.startswith("/") and not Path(uri).exists() for uri in uris)

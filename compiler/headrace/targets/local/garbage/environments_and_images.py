"""Environments and images that no component needs as they are."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.images.built import LOCAL_REGISTRY
from headrace.targets.local.garbage.items import Item, size_of
from headrace.targets.local.runners.environments import Environments, directory
from headrace_components.contract.declaration import cuda_image, names
from headrace_components.contract.errors import InputError

_DAY_SECONDS = 86_400.0
_TITLE = "org.opencontainers.image.title"
_LICENCE = "org.opencontainers.image.licenses"
_TIMEOUT_SECONDS = 60.0


def environments(unused_for: timedelta) -> Iterator[Item]:
    """Yields environments of locks that have changed, and those that were not used for long."""
    for path in sorted(directory().glob("*-*")):
        if not path.is_dir() or path.name.startswith((".", "components-")):
            continue
        idle = time.time() - path.stat().st_mtime
        if idle >= unused_for.total_seconds():
            reason = f"it was not used for {int(idle / _DAY_SECONDS)} days"
        elif idle >= _DAY_SECONDS and _is_stale(path.name):
            reason = "the lock or the Python of its component has changed"
        else:
            continue
        yield Item(
            kind="environment",
            name=path.name,
            place=str(path),
            num_bytes=size_of(path),
            reason=reason,
        )


def _is_stale(name: str) -> bool:
    """Returns whether an environment is of another lock or Python than its component has now."""
    image = name.rpartition("-")[0]
    try:
        return image != "packages" and Environments.current_name(image) != name
    except InputError:  # no such component, or no Python for it here: nobody knows
        return False


def _images() -> list[str]:
    components = names()
    return [*components, *filter(None, map(cuda_image, components))]


def images(unused_for: timedelta) -> Iterator[Item]:
    """Yields images of Headrace that have lost their name, or were built long ago."""
    for engine in ("podman", "docker"):
        listed = _said(engine, "images", "--quiet", "--no-trunc", "--filter", f"label={_TITLE}")
        ids = list(dict.fromkeys(listed.split()))
        described = json.loads(_said(engine, "image", "inspect", *ids) or "[]") if ids else []
        for each in described:
            if (item := _image(engine, each, unused_for)) is not None:
                yield item


def _image(engine: str, described: dict[str, Any], unused_for: timedelta) -> Item | None:
    labels = (described.get("Config") or {}).get("Labels") or described.get("Labels") or {}
    tags = described.get("RepoTags") or []
    is_ours = labels.get(_TITLE) in _images() and labels.get(_LICENCE) == "Apache-2.0"
    if not is_ours or any(not tag.startswith(f"{LOCAL_REGISTRY}/") for tag in tags):
        return None
    created = datetime.fromisoformat(f"{described['Created'][:19]}+00:00")
    age = datetime.now(UTC) - created
    if tags and age < unused_for:
        return None
    return Item(
        kind="image",
        name=tags[0] if tags else f"{labels[_TITLE]} without a name",
        place=str(described["Id"]),
        num_bytes=int(described.get("Size", 0)),
        reason=f"it was built {age.days} days ago" if tags else "another one has its name",
        engine=engine,
    )


def _said(engine: str, *words: str) -> str:
    """Returns what an engine prints; empty if it is not installed or does not answer."""
    if not shutil.which(engine):
        return ""
    try:
        result = subprocess.run(
            [engine, *words], capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout if result.returncode == 0 else ""

"""Replaces logical image names by references that are pinned by digest."""

from collections.abc import Mapping
from typing import Any

from headrace import ir
from headrace.errors import CompileError
from headrace.ir import Spec
from headrace.targets import DEFAULT_DIGESTS_FILE, Profile, Target


def apply_images(spec: Mapping[str, Any], target: Target, profile: Profile) -> Spec:
    """Returns `spec` with `registry/pusher@sha256:...` for `headrace.invalid/pusher`, and so on.

    Locally the logical names stay: components run from the installed code. Images that are not
    Headrace's are the author's own business.

    Raises:
        CompileError: The profile has no registry, or no digest for an image. A tag would do no
            service: both backends would answer from the cache when it moves.
    """
    result: Spec = ir.copy(spec)
    if target == "local":
        return result
    containers = {
        label: executor["container"]
        for label, executor in ir.executors(result).items()
        if ir.logical_image(executor.get("container", {}))
    }
    names = {label: ir.logical_image(container) or "" for label, container in containers.items()}
    if not names:
        return result
    _check_registry(names.values(), target, profile)
    for label, container in containers.items():
        digest = profile.images.digests[names[label]]
        container["image"] = f"{profile.images.registry}/{names[label]}@{digest}"
    return result


def _check_registry(names: Any, target: Target, profile: Profile) -> None:
    wanted = sorted(set(names))
    if not profile.images.registry:
        raise CompileError(
            f"images: target {target} needs the images {wanted}, but {profile.source} has no "
            "`registry`. Add a table [images] with registry = 'host/path' that you push to."
        )
    missing = [name for name in wanted if name not in profile.images.digests]
    if missing:
        raise CompileError(
            f"images: no digest for {missing}; known: {sorted(profile.images.digests)}. Build and "
            f"push them, and record 'sha256:...' in {DEFAULT_DIGESTS_FILE} or in the table "
            f"[images.digests] of {profile.source}."
        )

"""Pushes images to a registry and records the digests that specs pin them by."""

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from headrace.images import engines
from headrace.images.built import reference
from headrace.images.definitions import Image
from headrace.images.engines import Engine
from headrace_components.contract.errors import InputError, PlatformError

DIGESTS_FILE = "digests.json"
"""In the folder `images/` of a source tree or a project, where the compiler looks for it."""

_REGISTRY = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*")


def push(
    images: Sequence[Image], registry: str, engine: Engine, file: Path, tag: str
) -> dict[str, str]:
    """Pushes built images, and records their digests when all have arrived.

    Args:
        images: The images, which `building.build` has built.
        registry: The registry, such as `europe-docker.pkg.dev/my-project/headrace`.
        engine: The engine that built them.
        file: Where their digests are recorded.
        tag: Their tag, here and there.

    Returns:
        `sha256:` and 64 hex digits, by image name.

    Raises:
        InputError: The registry's name is not valid, an image is not built, or the file of digests
            has other contents.
        PlatformError: The registry refused one, or was not reached. Nothing is recorded then.
    """
    if not _REGISTRY.fullmatch(registry):
        raise InputError(
            f"images: {registry!r} is not a valid registry name. Write HOST/PATH without a scheme, "
            "for example europe-docker.pkg.dev/my-project/headrace, in --registry."
        )
    absent = [each.name for each in images if not engine.has(reference(each.name, tag))]
    if absent:
        raise InputError(
            f"images: {absent} are not built with the tag {tag!r}, so nothing was pushed. Run "
            f"`headrace images build {' '.join(absent)} --tag {tag}`."
        )
    recorded = _recorded(file)
    pushed = {each.name: _push(each, registry, engine, tag) for each in images}
    text = json.dumps({**recorded, **pushed}, indent=2, sort_keys=True) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(text, "utf-8")
    partial.replace(file)
    return pushed


def _push(image: Image, registry: str, engine: Engine, tag: str) -> str:
    remote = f"{registry}/{image.name}:{tag}"
    host = registry.partition("/")[0]
    advice = (
        f"No digest was recorded. Where it wants a login, run `{engine.name} login {host}`; where "
        "it is not reached, check its name and the network; over plain HTTP only this machine is."
    )
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "digest")
        commands = engine.push_commands(reference(image.name, tag), remote, file)
        output = [engines.call(command, f"push {remote}", advice) for command in commands]
        digest = engines.digest(file.read_text("utf-8") if file.is_file() else output[-1])
    if not digest:
        raise PlatformError(
            f"images: {engine.name} pushed {remote} and did not say its digest. No digest was "
            "recorded; push again with podman."
        )
    return digest


def _recorded(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise InputError(
            f"images: {file} is not JSON ({error}), so nothing was pushed. Remove it: a push of "
            "all images writes it anew."
        ) from error
    if not isinstance(content, dict):
        raise InputError(
            f"images: {file} holds a {type(content).__name__}, expected an object from image name "
            "to digest, so nothing was pushed. Remove it: a push of all images writes it anew."
        )
    return content

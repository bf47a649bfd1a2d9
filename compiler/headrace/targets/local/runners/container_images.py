"""The images that containers are made of: there before a run starts, and known by their IDs."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from headrace.images.built import LOCAL_REGISTRY
from headrace.images.engines import plain_http
from headrace.ir.view import ComponentSpec, Pipeline
from headrace_components.contract.errors import InputError, PlatformError

# Not the complete rule, but it excludes options of the engine.
_REFERENCE = re.compile(r"\w[\w./:@+-]*", re.ASCII)
_UNKNOWN = ("no such image", "image not known", "no such object")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageCode:
    """The code of components that run in images.

    Attributes:
        ids: IDs of the images by reference.
    """

    ids: Mapping[str, str]

    def of(self, component: ComponentSpec) -> str:
        """Returns the ID of a component's image."""
        return self.ids[image_of(component)]


def image_of(component: ComponentSpec) -> str:
    """Returns the reference of a component's image."""
    return str(component.container["image"])


def images_of(spec: Pipeline) -> list[str]:
    """Returns the references of all images of a pipeline, sorted."""
    components = [spec.component(task.component) for _, task in spec.leaves()]
    return sorted({image_of(each) for each in components if "container" in each.executor})


def image_ids(
    engine: str, references: Iterable[str], notify: Callable[[str], None]
) -> dict[str, str]:
    """Returns the IDs of images by reference, and pulls those that this machine lacks.

    A task runs by ID, so that a tag cannot move during a run.

    Args:
        engine: `docker` or `podman`.
        references: The images.
        notify: Gets a line about each image that is pulled.

    Raises:
        InputError: The engine is not installed, an image that must be built here does not exist, or
            a reference is not valid.
        PlatformError: The engine does not answer, or an image cannot be pulled.
    """
    if shutil.which(engine) is None:
        raise InputError(
            f"headrace run: the runner is {engine!r}, but no {engine} is on PATH. Install it, or "
            "choose another runner."
        )
    references = list(references)
    for reference in references:
        if not _REFERENCE.fullmatch(reference):
            raise InputError(
                f"headrace run: a task's image is {reference!r}, which {engine} cannot have. Write "
                "a reference as python:3.12 or registry.example.com/team/image@sha256:..."
            )
    ids = {reference: _id(engine, reference) for reference in references}
    missing = [reference for reference, found in ids.items() if not found]
    unbuilt = [each for each in missing if each.startswith(f"{LOCAL_REGISTRY}/")]
    if unbuilt:
        names = [each.rpartition("/")[2].partition(":")[0] for each in unbuilt]
        raise InputError(
            f"headrace run: {engine} has no image {unbuilt}. Build with `headrace images build "
            f"{' '.join(names)}`, or give --config a profile whose table [images] has a registry "
            "and digests."
        )
    for reference in missing:
        notify(f"pulling {reference}")
        _pull(engine, reference)
        ids[reference] = _id(engine, reference)
    return ids


def _id(engine: str, reference: str) -> str:
    """Returns the ID of an image; empty if this machine does not have it."""
    result = _call([engine, "image", "inspect", "--format", "{{.Id}}", reference])
    if result.returncode == 0:
        return result.stdout.strip()
    if any(words in result.stderr.lower() for words in _UNKNOWN):
        return ""
    raise PlatformError(
        f"headrace run: {engine} does not answer: {_last_line(result)}. Start it, and see that "
        "you may use it, or choose another runner."
    )


def _pull(engine: str, reference: str) -> None:
    plain = plain_http(reference) if engine == "podman" else []
    result = _call([engine, "pull", "--quiet", *plain, reference])
    if result.returncode != 0:
        raise PlatformError(
            f"headrace run: {engine} could not pull {reference}: {_last_line(result)}. Check that "
            f"this machine reaches the registry and may read it (`{engine} login`), then run again."
        )


def _call(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def _last_line(result: "subprocess.CompletedProcess[str]") -> str:
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    return lines[-1].rstrip(".?") if lines else f"exit code {result.returncode}"

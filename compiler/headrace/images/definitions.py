"""Reads `images/`: one folder per image, and `layers/` with the shared first layers.

A folder has `requirements.in`, the packages that its component imports, and `requirements.lock`,
all packages of the image with their hashes. The line `-r ../layers/<name>/requirements.in` names
the layer that the image begins with; a layer may begin with another layer. `excludes.txt` lists
requirements of packages that nothing in the image imports; the list of a layer applies to all
images on it. A list can include another one with `-r`.

`trainer_cuda` is a variant of `trainer`: the line `-r ../trainer/requirements.in` means that it
runs the same component with the same requirements, but on another layer.
"""

import difflib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace_components.contract.errors import InputError

IN_FILE = "requirements.in"
LOCK_FILE = "requirements.lock"
EXCLUDES_FILE = "excludes.txt"
LAYERS = "layers"

# Folders beside those of the images: the environment of `make run`, and the layers.
_NO_IMAGES = frozenset({LAYERS, "local"})

_INCLUDE = re.compile(r"^-r\s+(\S+)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageRequirement:
    """One line of a requirements.in.

    Attributes:
        name: Normalized name of the package, as in PEP 503.
        text: The requirement as written in the file.
        reason: The comment after it: what needs the package, if no import shows it.
    """

    name: str
    text: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """The definition of an image or a layer.

    Attributes:
        name: Its name, without a registry; a layer's is `layers/<name>`.
        folder: Its folder.
        layer: Folder of the layer that it begins with, or None.
        variant_of: Folder of the image that it is a variant of, or None.
    """

    name: str
    folder: Path
    layer: Path | None
    variant_of: Path | None = None

    @property
    def component(self) -> str:
        """Name of the component that it runs."""
        return (self.variant_of or self.folder).name

    @property
    def lock(self) -> Path:
        """Path of its lock, whether it is there or not."""
        return self.folder / LOCK_FILE

    def chain(self) -> list[Path]:
        """Returns the folders of its requirements: the layers from the first on, then its own.

        Its own folder comes after that of the image that it is a variant of.
        """
        below = [] if self.layer is None else _image(self.layer).chain()
        return [*below, *([self.variant_of] if self.variant_of else []), self.folder]

    def requirements(self) -> list[PackageRequirement]:
        """Returns its direct requirements, including those of its layers."""
        return [each for folder in self.chain() for each in _requirements(folder / IN_FILE)]

    def excluded(self) -> list[str]:
        """Returns the packages that others require and it does without.

        A direct requirement of an image is not excluded, whatever its layer says.
        """
        wanted = {requirement.name for requirement in self.requirements()}
        owners = [folder for folder in self.chain() if (folder / EXCLUDES_FILE).is_file()]
        if not owners:
            return []
        # The last list stands alone: a layer that adds Beam no longer excludes it.
        lists = _with_included(owners[-1] / EXCLUDES_FILE)
        listed = [each for file in lists for each in _requirements(file)]
        return sorted({each.name for each in listed} - wanted)

    def digest(self) -> str:
        """Returns the SHA-256 of the files from which its lock is resolved."""
        files = []
        for folder in self.chain():
            files += [folder / IN_FILE, *_with_included(folder / EXCLUDES_FILE)]
        content = b"\0".join(file.read_bytes() for file in files if file.is_file())
        return hashlib.sha256(content).hexdigest()


def images(root: Path) -> list[Image]:
    """Returns the image of each component, sorted by name.

    Args:
        root: The folder `images/`.

    Raises:
        InputError: The folder does not exist.
    """
    if not root.is_dir():
        raise InputError(
            f"images: there is no folder {root}. Call this in a source tree of Headrace, or name "
            "its images/ with --images."
        )
    return [image for image in _images(root) if image.variant_of is None]


def variants(root: Path) -> list[Image]:
    """Returns the variants of images, sorted by name: they are large, and built when named."""
    return [image for image in _images(root) if image.variant_of is not None]


def layers(root: Path) -> list[Image]:
    """Returns all layers, each behind those that it begins with."""
    found = [_image(file.parent) for file in sorted((root / LAYERS).glob(f"*/{IN_FILE}"))]
    return sorted(found, key=lambda layer: (len(layer.chain()), layer.name))


def select(root: Path, names: Sequence[str]) -> list[Image]:
    """Returns the named images, variants and layers, or each component's image without names.

    Raises:
        InputError: There is no image with this name.
    """
    if not names:
        return images(root)
    known = {each.name: each for each in [*layers(root), *images(root), *variants(root)]}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are {sorted(known)}."
            raise InputError(f"images: there is no image {name!r}. {hint}")
    return [known[name] for name in names]


def _images(root: Path) -> list[Image]:
    folders = sorted(file.parent for file in root.glob(f"*/{IN_FILE}"))
    return [_image(folder) for folder in folders if folder.name not in _NO_IMAGES]


def _image(folder: Path) -> Image:
    name = f"{LAYERS}/{folder.name}" if folder.parent.name == LAYERS else folder.name
    # At most one layer and, in a variant, one image.
    named = {each.parent.parent.name == LAYERS: each.parent for each in _included(folder / IN_FILE)}
    return Image(name=name, folder=folder, layer=named.get(True), variant_of=named.get(False))


def _included(file: Path) -> list[Path]:
    """Returns the files that a file names with `-r`; empty if the file does not exist."""
    names = _INCLUDE.findall(file.read_text("utf-8")) if file.is_file() else []
    return [(file.parent / name).resolve() for name in names]


def _with_included(file: Path) -> list[Path]:
    return [file, *_included(file)]


def _requirements(file: Path) -> list[PackageRequirement]:
    found = []
    for line in file.read_text("utf-8").splitlines():
        text, _, reason = (part.strip() for part in line.partition("#"))
        if text and not _INCLUDE.fullmatch(text):
            name = _NAME.match(text)
            normalized = re.sub(r"[-_.]+", "-", name[0] if name else text).lower()
            found.append(PackageRequirement(name=normalized, text=text, reason=reason))
    return found

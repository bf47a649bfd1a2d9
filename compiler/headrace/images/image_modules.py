"""Finds the modules that can be imported in Headrace's images.

A lock lists packages, and a package has modules with other names. `import_names.json` has these
names, collected from the built images (`import_names.py`).
"""

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.images import locks

TABLE = Path(__file__).with_name("import_names.json")
"""`standard` has the standard library's modules, `packages` those of each locked package."""

# In every image without being locked, and Headrace's stand-in for imports of `tfx`.
_OURS = ("headrace_components", "tfx")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageModules:
    """The modules of one image.

    Attributes:
        names: Modules and regular packages that can be imported.
        absent: Those that are known to come with packages that the image lacks.
        is_complete: Whether all packages of the image are known.
    """

    names: frozenset[str]
    absent: frozenset[str]
    is_complete: bool

    def lacks(self, module: str, names: Sequence[str] = ()) -> bool:
        """Returns whether an import is known to fail in the image.

        Args:
            module: The dotted name of the imported module.
            names: What is taken from it, which may be modules, too.
        """
        if _is_in(module, self.names):
            return False
        wanted = [module]
        if _is_folder(module, self.names):  # shared by several packages, such as `google.cloud`
            wanted = [f"{module}.{name}" for name in names if name != "*"]
        return any(self._lacks(each) for each in wanted)

    def _lacks(self, module: str) -> bool:
        if _is_in(module, self.names) or _is_folder(module, self.names):
            return False
        return self.is_complete or _is_in(module, self.absent) or _is_folder(module, self.absent)


@functools.cache
def image_modules(image: str) -> ImageModules:
    """Returns the modules of one of Headrace's images.

    Args:
        image: Its name, such as `trainer`.

    Raises:
        InputError: The image has no lock.
    """
    locked = locked_packages(locks.lock_file(image))
    packages: Mapping[str, list[str]] = table()["packages"]
    present = {name for each in locked & packages.keys() for name in packages[each]}
    every = {name for names in packages.values() for name in names}
    return ImageModules(
        names=frozenset({*present, *table()["standard"], *_OURS}),
        absent=frozenset(every - present),
        is_complete=locked <= packages.keys(),
    )


def locked_packages(lock: Path) -> set[str]:
    """Returns the names of a lock's packages, as in PEP 503."""
    pinned = _PIN.findall(lock.read_text("utf-8"))
    return {re.sub(r"[-_.]+", "-", name).lower() for name in pinned}


@functools.cache
def table() -> dict[str, Any]:
    """Returns the contents of `TABLE`."""
    found: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))
    return found


def _is_in(module: str, names: frozenset[str]) -> bool:
    """Returns whether a module is one of some packages, or in one of them."""
    parts = module.split(".")
    return any(".".join(parts[: end + 1]) in names for end in range(len(parts)))


def _is_folder(module: str, names: frozenset[str]) -> bool:
    """Returns whether a module is only a folder that some packages share."""
    return any(each.startswith(f"{module}.") for each in names)

"""Where the definitions of the images are: in a source tree, or in an installed Headrace.

The wheel has them beside these modules. An engine builds from a directory with the layout of the
source tree, so `building_from` makes one of an installed Headrace.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from headrace.images.pushing import DIGESTS_FILE

HERE = Path("images")
"""The folder of a source tree, and of the digests in a project."""

_PACKAGE = Path(__file__).parent
_DOCKERFILE = "Dockerfile"
# Modules of this package, among the definitions in the wheel.
_NO_DEFINITIONS = ("*.py", "*.json", "__pycache__")
_CODE = ("headrace_components", "headrace_tfx")
_LABELS = Path("compiler/headrace/images/sbom.py")


def definitions_root() -> Path:
    """Returns the folder `images/` of the source tree here, else that of the installed Headrace."""
    installed = _PACKAGE if is_installed_root(_PACKAGE) else _PACKAGE.parents[2] / HERE
    return HERE if _is_root(HERE) or not _is_root(installed) else installed


def is_installed_root(root: Path) -> bool:
    """Returns whether these definitions are those of an installed Headrace."""
    return root == _PACKAGE and _is_root(root)


def digests_file(root: Path) -> Path:
    """Returns where digests of pushed images belong: in a source tree, else in the project here."""
    return (HERE if root in (_PACKAGE, _PACKAGE.parents[2] / HERE) else root) / DIGESTS_FILE


@contextlib.contextmanager
def building_from(root: Path) -> Iterator[Path]:
    """Yields a folder `images/` in a directory from which an engine can build."""
    if not is_installed_root(root):
        yield root
        return
    site = _PACKAGE.parents[1]
    with tempfile.TemporaryDirectory(prefix="headrace-images-") as name:
        tree = Path(name)
        ignored = shutil.ignore_patterns(*_NO_DEFINITIONS)
        shutil.copytree(
            root,
            tree / HERE,
            ignore=lambda folder, names: (
                ignored(folder, names) if Path(folder) == root else {"__pycache__"} & {*names}
            ),
        )
        for script in (tree / HERE).rglob("*.sh"):  # not every installer keeps that they can run
            script.chmod(0o755)
        for package in _CODE:
            target = tree / "components" / package
            shutil.copytree(site / package, target, ignore=shutil.ignore_patterns("__pycache__"))
        (tree / _LABELS).parent.mkdir(parents=True)
        shutil.copy(_PACKAGE / _LABELS.name, tree / _LABELS)
        yield tree / HERE


def _is_root(folder: Path) -> bool:
    return (folder / _DOCKERFILE).is_file() and (folder / "install").is_dir()

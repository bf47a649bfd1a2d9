"""Prints as JSON which modules can be imported in an image. Runs inside the image.

This only needs the standard library, and imports nothing of Headrace, like `sbom.py`.
`make import-names` writes its output to `import_names.json`.
"""

import importlib.util
import json
import re
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path


def packages() -> dict[str, list[str]]:
    """Returns the modules of each installed package, by the package's name as in PEP 503."""
    found = {each.metadata["Name"]: import_names(each) for each in distributions()}
    return {re.sub(r"[-_.]+", "-", name).lower(): names for name, names in sorted(found.items())}


def import_names(package: Distribution) -> list[str]:
    """Returns the outermost modules and regular packages of a distribution, sorted.

    A folder without `__init__.py`, such as `google.cloud`, may be shared by several packages, so
    names go down to modules with a file: `google.cloud.storage`.
    """
    root = Path(str(package.locate_file("")))
    parts = [file.parts for file in package.files or () if file.suffix in (".py", ".so")]
    names = {_name(root, each) for each in parts if root.joinpath(*each).is_file()}
    return sorted(name for name in names if all(map(str.isidentifier, name.split("."))))


def _name(root: Path, parts: Iterable[str]) -> str:
    names: list[str] = []
    folder = root
    for part in parts:
        folder /= part
        names.append(part.partition(".")[0])  # as `_message.abi3.so`
        if (folder / "__init__.py").is_file():
            break
    return ".".join(names)


def standard_modules() -> list[str]:
    """Returns the modules of the standard library that are installed, sorted."""
    return sorted(name for name in sys.stdlib_module_names if importlib.util.find_spec(name))


if __name__ == "__main__":
    json.dump({"standard": standard_modules(), "packages": packages()}, sys.stdout)

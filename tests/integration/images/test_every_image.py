"""Every image has its component's imports, for every engine, and lists its packages."""

import fcntl
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from headrace.images import definitions, image_modules, import_names, locks
from headrace.images.built import reference
from headrace_components import catalog
from support.cases.declared import ISOLATED
from support.launcher import built_images

pytestmark = [pytest.mark.slow, pytest.mark.image]

# All modules of a component and of its requirements: many are imported late, by a part of the
# component or by a library that looks for installed packages.
PROBE = """
import importlib, json, os, pkgutil
name = os.environ["HEADRACE_COMPONENT"]
component = importlib.import_module(f"headrace_components.{name}")
for module in pkgutil.iter_modules(component.__path__):
    if module.name != "__main__":
        importlib.import_module(f"{component.__name__}.{module.name}")
for module in MODULES:
    importlib.import_module(module)
bill = json.load(open("/usr/share/headrace/sbom.json"))
print(json.dumps([name, os.getuid(), bill["metadata"]["component"]["name"]]))
"""


LOCKS = [locks.lock_file(name) for name in sorted({*catalog.__all__} - ISOLATED)]
REGENERATE = bool(os.environ.get("HEADRACE_REGENERATE")) and not os.environ.get("CI")


@pytest.mark.parametrize("name", sorted(catalog.__all__))
def test_an_image_has_what_its_component_imports(name: str) -> None:
    (image,) = definitions.select(built_images.IMAGES, [name])
    packages = image_modules.table()["packages"] if name not in ISOLATED else {}
    modules = [
        module
        for requirement in image.requirements()
        for module in packages.get(requirement.name, ())
        if not any(part.startswith("_") for part in module.split("."))
    ]
    code = f"MODULES = {modules!r}\n{PROBE}"

    assert printed(name, code) == [name, 12345, f"headrace/{name}"]


@pytest.mark.parametrize("name", sorted({*catalog.__all__} - ISOLATED))
def test_the_compiler_knows_what_can_be_imported_in_an_image(name: str) -> None:
    found = printed(name, Path(import_names.__file__).read_text("utf-8"))
    if REGENERATE:
        keep(found)
    table = image_modules.table()
    known = {each: table["packages"].get(each) for each in found["packages"]}
    assert {"standard": table["standard"], "packages": known} == found, "run `make import-names`"


def printed(name: str, code: str) -> Any:
    """Returns the last line that Python code prints in an image."""
    built_images.build(name)
    words = built_images.run_as_anyone("--network", "none")
    command = [*words, reference(name), "python", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def keep(found: dict[str, Any]) -> None:
    """Writes an image's packages to the compiler's table; packages without a lock are removed."""
    with image_modules.TABLE.open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # tests run side by side
        text = file.read()
        packages = {**json.loads(text or "{}").get("packages", {}), **found["packages"]}
        locked = set[str]().union(*map(image_modules.locked_packages, LOCKS))
        kept = {each: names for each, names in packages.items() if each in locked}
        file.seek(0)
        file.truncate()
        table = {"packages": kept, "standard": found["standard"]}
        file.write(json.dumps(table, indent=1, sort_keys=True) + "\n")
    image_modules.table.cache_clear()

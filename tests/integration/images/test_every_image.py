"""Every image has what its component imports, whichever engine computes, and says what is in it."""

import json
import subprocess

import pytest

import built_images
from headrace.containers import building
from headrace_components import catalog

pytestmark = [pytest.mark.slow, pytest.mark.image]

PROBE = """
import importlib, importlib.util, json, os, sys
name = os.environ["HEADRACE_COMPONENT"]
for module in ("executor", "beam_engine", "cache"):
    full = f"headrace_components.{name}.{module}"
    if importlib.util.find_spec(full):
        importlib.import_module(full)
bill = json.load(open("/usr/share/headrace/sbom.json"))
print(json.dumps([name, os.getuid(), bill["metadata"]["component"]["name"]]))
"""


@pytest.mark.parametrize("name", sorted(catalog.__all__))
def test_an_image_has_what_its_component_imports(name: str) -> None:
    built_images.build(name)
    words = built_images.run_as_anyone("--network", "none")
    command = [*words, building.reference(name), "python", "-c", PROBE]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == [name, 12345, f"headrace/{name}"]

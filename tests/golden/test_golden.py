"""Every example, compiled for every target, gives the golden file in this folder.

`make golden` writes the files again. The examples are found, not listed.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from headrace.compilation.compiler import compile_for
from headrace.contract.compiled import Compiled
from headrace.frontend.loading import load
from headrace.profiles.profile import read_profile
from headrace.target_registry import TARGETS
from headrace_components import catalog
from headrace_components.library.user_code.module_pack import is_packed, unpack

HERE = Path(__file__).parent
EXAMPLES = sorted((HERE.parents[1] / "examples").glob("*/pipeline.py"))
REGENERATE = bool(os.environ.get("HEADRACE_REGENERATE")) and not os.environ.get("CI")

PROFILE = read_profile(HERE.parents[1] / "examples" / "headrace.toml")

# The digest before it fixes the content; the compressed bytes differ between builds of zlib.
PAYLOAD = re.compile(r"(headrace-module:v1:[^:\"\s]+:[0-9a-f]{64}):[A-Za-z0-9+/=]+")

examples = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
targets = pytest.mark.parametrize("target", TARGETS)


def compiled(example: Path, target: str) -> Compiled:
    return compile_for(load(example), target, PROFILE)


def comparable(text: str) -> str:
    without_version = re.sub(r"(\"?sdkVersion\"?: )\"?kfp-[\w.]+\"?", r"\1kfp", text)
    return PAYLOAD.sub(r"\1:...", without_version)


@examples
@targets
def test_an_example_compiles_to_its_golden_file(example: Path, target: str) -> None:
    golden = HERE / f"{example.parent.name}.{target}{TARGETS[target].suffix}"
    text = comparable(compiled(example, target).text)
    if REGENERATE:
        golden.write_text(text, "utf-8")

    assert golden.is_file(), f"{golden.name} is missing: run `make golden`"
    assert text == golden.read_text("utf-8"), f"{golden.name} differs: run `make golden`"


def test_every_golden_file_has_its_example() -> None:
    expected = {
        f"{example.parent.name}.{target}{registered.suffix}"
        for example in EXAMPLES
        for target, registered in TARGETS.items()
    }

    assert {path.name for path in HERE.iterdir() if path.suffix in (".json", ".yaml")} == expected


def test_make_compile_writes_every_example_for_every_target(tmp_path: Path) -> None:
    settings = {"VENV": sys.prefix, "BUILD": str(tmp_path), "CONFIG": "examples/headrace.toml"}
    words = ["make", "--old-file", f"{sys.prefix}/.ready", "compile"]
    words += [f"{name}={value}" for name, value in settings.items()]

    subprocess.run(words, cwd=HERE.parents[1], check=True, capture_output=True)

    written = {path.name: comparable(path.read_text("utf-8")) for path in tmp_path.iterdir()}
    golden = {
        path.name: path.read_text("utf-8")
        for path in HERE.iterdir()
        if path.suffix in (".json", ".yaml")
    }
    assert written == golden


@examples
@targets
def test_a_compiled_example_is_a_pipeline_spec(example: Path, target: str) -> None:
    text = compiled(example, target).text
    # Kubeflow's files have a second document with the Kubernetes settings of the pods.
    document = next(yaml.safe_load_all(text)) if target == "kubeflow" else json.loads(text)
    spec = document["pipelineSpec"] if target == "vertex" else document

    message = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())

    assert message.schema_version == "2.1.0"
    assert json_format.MessageToDict(message) == spec
    assert text.endswith("\n")


@examples
def test_the_modules_of_an_example_travel_whole(example: Path) -> None:
    spec = compiled(example, "vertex").document["pipelineSpec"]

    packed = {text for text in strings(spec) if is_packed(text)}

    assert packed
    for text in packed:
        entry, files = unpack(text)
        assert files[entry] == (example.parent / entry).read_text("utf-8")


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def test_the_profile_of_the_examples_has_a_digest_for_every_component() -> None:
    assert set(catalog.__all__) <= set(PROFILE.images.digests)

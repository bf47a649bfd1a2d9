"""The images in docs/images.md are those that the compiler accepts."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.profiles.profile import Profile, read_profile
from headrace.targets.vertex.settings import Vertex
from headrace_components import catalog

DOCS = Path(__file__).parents[2] / "docs"


DIGEST = f"sha256:{'0a' * 32}"


def block(page: str, language: str, number: int = 0) -> str:
    text = (DOCS / page).read_text("utf-8")
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return found[number]


def profile(page: str, directory: Path, number: int = 0, digests: str = "{}") -> Profile:
    """Returns a profile from a page, with digests in place of dots."""
    text = re.sub("sha256:(<digest>|[.]{3})", DIGEST, block(page, "toml", number))
    (directory / "images").mkdir()
    (directory / "images/digests.json").write_text(digests, "utf-8")
    (directory / "headrace.toml").write_text(text, "utf-8")
    return read_profile(directory / "headrace.toml")


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_the_documented_pipeline_runs_in_the_documented_images(target: str, tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text(block("images.md", "python"), "utf-8")
    settings = dataclasses.replace(
        profile("images.md", tmp_path), targets=(Vertex(pipeline_root="gs://my-bucket"),)
    )

    document = compile_for(load(tmp_path / "pipeline.py"), target, settings).document

    images = [node.container for node in specs.tasks(document.get("pipelineSpec", document))]
    assert sorted(each["image"].partition("@")[0] for each in images if each) == [
        "europe-docker.pkg.dev/my-project/flights/trainer",
        "europe-docker.pkg.dev/my-project/flights/transform",
    ]


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_the_documented_gpu_comes_with_the_image_for_it(target: str, tmp_path: Path) -> None:
    text = block("images.md", "python")
    # The images of Headrace do not have the functions that this pipeline names.
    for package, function in (("features", "preprocessing_fn"), ("training", "run_fn")):
        dotted = f'{function}="acme.{package}.{function}"'
        text = text.replace(dotted, f'module_file="gs://my-bucket/{package}.py"')
    (tmp_path / "pipeline.py").write_text(text, "utf-8")
    digests = json.dumps({"transform": DIGEST, "trainer_cuda": DIGEST})
    settings = dataclasses.replace(
        profile("images.md", tmp_path, 1, digests),
        targets=(Vertex(pipeline_root="gs://my-bucket"),),
    )

    document = compile_for(load(tmp_path / "pipeline.py"), target, settings).document

    nodes = specs.tasks(document.get("pipelineSpec", document))
    images = {node.name: node.container["image"] for node in nodes if node.container}
    registry = "europe-docker.pkg.dev/my-project/headrace"
    assert images == {
        "trainer": f"{registry}/trainer_cuda@{DIGEST}",
        "transform": f"{registry}/transform@{DIGEST}",
    }


def test_the_documented_image_adds_to_one_of_headrace() -> None:
    lines = block("images.md", "dockerfile").splitlines()

    base = re.fullmatch(r"FROM [^ ]+/headrace/(\w+)@sha256:<digest>", lines[0])
    assert base is not None
    assert base[1] in catalog.__all__
    # User and entry point do not change, and there is no RUN: the images have no pip.
    assert [line.partition(" ")[0] for line in lines[1:]] == ["COPY", "ENV"]

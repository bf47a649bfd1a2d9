"""The images that docs/images.md tells of are those that the compiler takes."""

import dataclasses
import re
from pathlib import Path

import pytest

from headrace import ir
from headrace.compiler import compile_for
from headrace.frontend import load
from headrace.profiles.profile import Profile, read_profile
from headrace.profiles.vertex import Vertex
from headrace.targets import Target
from headrace_components import catalog

DOCS = Path(__file__).parents[2] / "docs"


def block(page: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def profile(page: str, directory: Path) -> Profile:
    """Returns the profile of a page, with digests in place of dots."""
    text = re.sub("sha256:(<digest>|[.]{3})", f"sha256:{'0a' * 32}", block(page, "toml"))
    (directory / "images").mkdir()
    (directory / "images/digests.json").write_text("{}", "utf-8")
    (directory / "headrace.toml").write_text(text, "utf-8")
    return read_profile(directory / "headrace.toml")


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_the_documented_pipeline_runs_in_the_documented_images(
    target: Target, tmp_path: Path
) -> None:
    (tmp_path / "pipeline.py").write_text(block("images.md", "python"), "utf-8")
    settings = dataclasses.replace(
        profile("images.md", tmp_path), vertex=Vertex(pipeline_root="gs://my-bucket")
    )

    document = compile_for(load(tmp_path / "pipeline.py"), target, settings).document

    images = [node.container for node in ir.tasks(document.get("pipelineSpec", document))]
    assert sorted(each["image"].partition("@")[0] for each in images if each) == [
        "europe-docker.pkg.dev/my-project/flights/trainer",
        "europe-docker.pkg.dev/my-project/flights/transform",
    ]


def test_the_documented_image_adds_to_one_of_headrace() -> None:
    lines = block("images.md", "dockerfile").splitlines()

    base = re.fullmatch(r"FROM [^ ]+/headrace/(\w+)@sha256:<digest>", lines[0])
    assert base is not None
    assert base[1] in catalog.__all__
    # Neither user nor entry point change, and nothing is run: the images have no pip.
    assert [line.partition(" ")[0] for line in lines[1:]] == ["COPY", "ENV"]

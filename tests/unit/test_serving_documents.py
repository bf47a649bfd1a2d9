"""The pipelines and rules in docs/serving.md agree with the code."""

import hashlib
import re
from pathlib import Path

import pytest
import yaml

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.vertex.settings import Vertex
from headrace_components import catalog
from headrace_components.kubernetes_pusher import manifests

PAGE = Path(__file__).parents[2] / "docs/serving.md"

PROFILE = Profile(
    images=Images(
        registry="europe-docker.pkg.dev/my-project/headrace",
        digests={
            name: f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in catalog.__all__
        },
    ),
    targets=(
        Vertex(pipeline_root="gs://my-bucket/headrace"),
        Kubeflow(pipeline_root="gs://my-bucket/headrace"),
    ),
)


def block(section: str, language: str) -> str:
    """Returns the first block of code in a section of the page."""
    _, _, text = PAGE.read_text("utf-8").partition(f"\n## {section}\n")
    text = text.partition("\n## ")[0]
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("section", "target", "part"),
    [
        ("Vertex AI", "vertex", "headrace/vertex_pusher@sha256:"),
        ("Vertex AI", "kubeflow", "headrace/vertex_pusher@sha256:"),
        ("Kubernetes", "kubeflow", "pvcMount"),
    ],
)
def test_a_documented_pipeline_compiles(
    section: str, target: str, part: str, tmp_path: Path
) -> None:
    pipeline = tmp_path / "pipeline.py"
    pipeline.write_text(block(section, "python"), "utf-8")

    assert part in compile_for(load(pipeline), target, PROFILE).text


def test_the_documented_role_has_the_rules_that_a_refusal_names() -> None:
    role = yaml.safe_load(block("Kubernetes", "yaml"))
    kinds = (
        manifests.INFERENCE_SERVICE,
        manifests.DEPLOYMENT,
        manifests.SERVICE,
        manifests.POD,
    )

    assert role["rules"] == [yaml.safe_load(kind.rule) for kind in kinds]

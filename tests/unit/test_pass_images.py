"""Images: what leaves for a cluster is pinned by digest, or does not leave."""

from typing import Any

import pytest

from headrace.errors import CompileError
from headrace.passes.images import apply_images
from headrace.targets import Images, Profile

DIGEST = "sha256:" + "0123456789abcdef" * 4
SPEC: dict[str, Any] = {
    "deploymentSpec": {
        "executors": {
            "exec-importer": {"importer": {}},
            "exec-mine": {"container": {"image": "python:3.12"}},
            "exec-pusher": {"container": {"image": "headrace.invalid/pusher"}},
            "exec-trainer": {"container": {"image": "headrace.invalid/trainer"}},
        }
    }
}


def images_of(spec: dict[str, Any]) -> dict[str, str]:
    return {
        label.removeprefix("exec-"): executor["container"]["image"]
        for label, executor in spec["deploymentSpec"]["executors"].items()
        if "container" in executor
    }


def profile(*names: str, registry: str = "ghcr.io/mine") -> Profile:
    return Profile(images=Images(registry=registry, digests=dict.fromkeys(names, DIGEST)))


def test_logical_names_become_references_by_digest() -> None:
    assert images_of(apply_images(SPEC, "kubeflow", profile("pusher", "trainer"))) == {
        "mine": "python:3.12",
        "pusher": f"ghcr.io/mine/pusher@{DIGEST}",
        "trainer": f"ghcr.io/mine/trainer@{DIGEST}",
    }


def test_local_runs_keep_logical_names_and_need_no_profile() -> None:
    assert apply_images(SPEC, "local", Profile()) == SPEC


def test_images_without_a_digest_are_named() -> None:
    with pytest.raises(CompileError, match=r"no digest for \['trainer'\]; known: \['pusher'\]"):
        apply_images(SPEC, "vertex", profile("pusher"))


def test_a_missing_registry_is_reported_with_the_images_it_should_hold() -> None:
    with pytest.raises(CompileError, match=r"\['pusher', 'trainer'\], but headrace.toml has no"):
        apply_images(SPEC, "kubeflow", Profile())


def test_a_pipeline_without_our_images_needs_no_registry() -> None:
    spec = {"deploymentSpec": {"executors": {"e": {"container": {"image": "python:3.12"}}}}}

    assert apply_images(spec, "vertex", Profile()) == spec

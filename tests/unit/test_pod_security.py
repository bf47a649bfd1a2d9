"""Tasks on Kubeflow that may not run as root, as Pod Security's level `restricted` requires."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.compilation.passes.task_settings import task_settings
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.profiles.profile import Profile, read_profile
from headrace.targets.kubeflow.passes.pods import platform_spec
from headrace.targets.local.notices import settings_without_effect
from headrace_components import catalog
from headrace_components.artifacts import Model
from support.oracles import executor_configs

DIGEST = f"sha256:{'0' * 64}"
ROOT_IMAGE = f"docker.io/library/python@{DIGEST}"


@dsl.container_component
def mine() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="python:3.13", command=["true"])


@dsl.pipeline(name="confined")
def confined() -> None:
    model = dsl.importer(artifact_uri="gs://bucket/model", artifact_class=Model)
    catalog.pusher(model=model.output, base_directory="/models")
    mine()


def profile(text: str, directory: Path) -> Profile:
    path = directory / "headrace.toml"
    images = f'[images]\nregistry = "ghcr.io/mine"\ndigests = {{ pusher = "{DIGEST}" }}\n'
    path.write_text(images + text, "utf-8")
    return read_profile(path)


def security(text: str, directory: Path) -> dict[str, Any]:
    compiled = compile_for(load(confined), "kubeflow", profile(text, directory))
    documents = list(yaml.safe_load_all(compiled.text))
    if len(documents) == 1:
        return {}
    executors = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    found = {name: executor_configs.parsed(each) for name, each in executors.items()}
    return {
        name.removeprefix("exec-"): each["securityContext"]
        for name, each in found.items()
        if "securityContext" in each
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # Python's image runs as root: the cluster would refuse it.
        ("", {"pusher"}),
        ("[kubeflow.defaults]\nrun_as_non_root = true", {"pusher", "mine"}),
        ("[kubeflow.tasks.mine]\nrun_as_non_root = true", {"pusher", "mine"}),
        # A backend older than 2.17 does not have the field.
        ("[kubeflow.defaults]\nrun_as_non_root = false", set()),
        ("[kubeflow.components.pusher]\nrun_as_non_root = false", set()),
        # The author's own image may have any user.
        (f'[images.tasks]\npusher = "{ROOT_IMAGE}"', set()),
        (
            f'[images.components]\npusher = "{ROOT_IMAGE}"\n[tasks.pusher]\nrun_as_non_root = true',
            {"pusher"},
        ),
    ],
)
def test_a_task_of_an_image_that_does_not_run_as_root_says_so(
    text: str, found: set[str], tmp_path: Path
) -> None:
    assert security(text, tmp_path) == {name: {"runAsNonRoot": True} for name in found}


def test_what_kfp_kubernetes_says_stays(tmp_path: Path) -> None:
    spec = load(confined).spec
    executors = {"exec-pusher": {"securityContext": {"runAsUser": 1000}}}
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}

    def result(text: str) -> Any:
        given = profile(text, tmp_path)
        found = platform_spec(
            spec, platform, task_settings(spec, target_named("kubeflow"), given), given
        )
        kubernetes = found["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        return kubernetes["exec-pusher"]["securityContext"]

    assert result("") == {"runAsUser": 1000}
    assert result("[kubeflow.tasks.pusher]\nrun_as_non_root = true") == {
        "runAsUser": 1000,
        "runAsNonRoot": True,
    }


def test_vertex_has_no_such_setting(tmp_path: Path) -> None:
    text = '[vertex]\npipeline_root = "gs://b/r"\n[defaults]\nrun_as_non_root = true\n'

    with pytest.raises(CompileError, match=r"target vertex has no `run_as_non_root`\. Move it"):
        compile_for(load(confined), "vertex", profile(text, tmp_path))


def test_a_compiled_pipeline_that_runs_here_says_nothing_of_it(tmp_path: Path) -> None:
    compiled = compile_for(load(confined), "kubeflow", profile("", tmp_path))
    spec, platform = yaml.safe_load_all(compiled.text)

    assert settings_without_effect(spec, platform) == []

"""Images: a pipeline for a cluster has images with digests, or is refused."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.compilation.passes.image_references import apply_images, own_images
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile, read_profile
from headrace.targets.vertex.settings import Vertex
from headrace_components import artifacts, catalog

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
    assert images_of(
        apply_images(SPEC, target_named("kubeflow"), profile("pusher", "trainer"))
    ) == {
        "mine": "python:3.12",
        "pusher": f"ghcr.io/mine/pusher@{DIGEST}",
        "trainer": f"ghcr.io/mine/trainer@{DIGEST}",
    }


def test_local_runs_keep_logical_names_and_need_no_profile() -> None:
    assert apply_images(SPEC, target_named("local"), Profile()) == SPEC


def test_images_without_a_digest_are_named() -> None:
    with pytest.raises(CompileError, match=r"no digest for \['trainer'\]; known: \['pusher'\]"):
        apply_images(SPEC, target_named("vertex"), profile("pusher"))


@pytest.mark.parametrize("line", ["", 'digests_file = "built/all.json"'])
def test_where_digests_were_looked_for_is_told(line: str, tmp_path: Path) -> None:
    file = tmp_path / ("built/all.json" if line else "images/digests.json")
    file.parent.mkdir()
    file.write_text(json.dumps({"pusher": DIGEST}), "utf-8")
    toml = tmp_path / "headrace.toml"
    toml.write_text(f'[images]\nregistry = "ghcr.io/mine"\n{line}\n', "utf-8")

    words = f"known: ['pusher'], from {file} and the table [images.digests] of {toml}. Run"
    with pytest.raises(CompileError, match=re.escape(words)):
        apply_images(SPEC, target_named("vertex"), read_profile(toml))


def test_a_missing_registry_is_reported_with_the_images_it_should_hold() -> None:
    with pytest.raises(CompileError, match=r"\['pusher', 'trainer'\], but headrace.toml has no"):
        apply_images(SPEC, target_named("kubeflow"), Profile())


def test_a_pipeline_without_our_images_needs_no_registry() -> None:
    spec = {"deploymentSpec": {"executors": {"e": {"container": {"image": "python:3.12"}}}}}

    assert apply_images(spec, target_named("vertex"), Profile()) == spec


MINE = f"ghcr.io/mine/flights@{DIGEST}"
OTHER = f"localhost:5000/flights-gpu@{DIGEST}"


@dsl.container_component
def report() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="python:3.12", command=["true"])


@dsl.pipeline(name="inner")
def inner() -> None:
    catalog.latest_artifact(producer="trainer", output="model")


@dsl.pipeline(name="outer")
def outer(flag: bool = True) -> None:
    catalog.latest_artifact(producer="trainer", output="model")
    catalog.latest_artifact(producer="trainer", output="model")
    inner()
    with dsl.If(flag == True):  # noqa: E712  kfp records the comparison
        catalog.latest_blessed_model()
        report()


LATEST = {"latest-artifact", "latest-artifact-2", "inner/latest-artifact"}


def changed(tasks: Mapping[str, str], components: Mapping[str, str] | None = None) -> set[str]:
    """Returns the tasks of `outer` to which a profile gives MINE or OTHER, as `<task>=<image>`."""
    images = Images(
        registry="ghcr.io/headrace",
        digests=dict.fromkeys(["latest_artifact", "latest_blessed_model"], DIGEST),
        tasks=tasks,
        components=components or {},
    )
    spec = apply_images(load(outer).spec, target_named("kubeflow"), Profile(images=images))
    return {
        f"{node.label}={'mine' if image == MINE else 'other'}"
        for node in specs.tasks(spec)
        if (image := node.container.get("image")) in (MINE, OTHER)
    }


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        ("latest-artifact", {"latest-artifact"}),
        ("latest-artifact-2", {"latest-artifact-2"}),
        ("inner/latest-artifact", {"inner/latest-artifact"}),
        ("latest-blessed-model", {"condition-1/latest-blessed-model"}),
        ("report", {"condition-1/report"}),
    ],
)
def test_a_task_gets_an_image_of_the_authors_own_and_no_other_task_does(
    name: str, tasks: set[str]
) -> None:
    assert changed({name: MINE}) == {f"{task}=mine" for task in tasks}


def test_all_tasks_of_a_component_get_an_image_but_those_that_have_their_own() -> None:
    everywhere = {"latest_artifact": MINE, "trainer": OTHER}

    assert changed({}, everywhere) == {f"{task}=mine" for task in LATEST}
    assert changed({"latest-artifact-2": OTHER}, everywhere) == {
        "latest-artifact=mine",
        "latest-artifact-2=other",
        "inner/latest-artifact=mine",
    }


# kfp itself does not write this: two tasks run one sub-pipeline, and so share an executor.
SHARED: dict[str, Any] = {
    "pipelineInfo": {"name": "p"},
    "root": {
        "dag": {
            "tasks": {
                "a": {"componentRef": {"name": "comp-dag"}},
                "b": {"componentRef": {"name": "comp-dag"}},
            }
        }
    },
    "components": {
        "comp-dag": {"dag": {"tasks": {"leaf": {"componentRef": {"name": "comp-leaf"}}}}},
        "comp-leaf": {"executorLabel": "exec-leaf"},
    },
    "deploymentSpec": {"executors": {"exec-leaf": {"container": {"image": "python:3.12"}}}},
}


def test_a_longer_name_wins_over_a_shorter_one() -> None:
    profile = Profile(images=Images(tasks={"b/leaf": MINE, "leaf": OTHER}))

    assert own_images(SHARED, profile) == {("a", "leaf"): OTHER, ("b", "leaf"): MINE}


def test_tasks_that_share_an_executor_change_together_or_not_at_all() -> None:
    both, one = (Profile(images=Images(tasks={name: MINE})) for name in ("leaf", "b/leaf"))

    assert images_of(apply_images(SHARED, target_named("vertex"), both)) == {"leaf": MINE}
    with pytest.raises(CompileError, match=r"\['a/leaf', 'b/leaf'\] run one executor, 'exec-leaf'"):
        apply_images(SHARED, target_named("vertex"), one)


def test_an_image_of_the_authors_own_needs_no_registry_and_has_no_effect_here() -> None:
    profile = Profile(images=Images(tasks={"leaf": MINE}))

    assert images_of(apply_images(SHARED, target_named("kubeflow"), profile)) == {"leaf": MINE}
    assert apply_images(SHARED, target_named("local"), profile) == SHARED


@pytest.mark.parametrize(
    ("tasks", "components", "message"),
    [
        (
            {"latest-artefact": MINE},
            {},
            r"headrace.toml: \[images.tasks\] has `latest-artefact`, but the tasks of this "
            r"pipeline that run in an image are \['condition-1/latest-blessed-model', .* "
            r"Did you mean `latest-artifact`\?",
        ),
        ({"inner/latest_artifact": MINE}, {}, r"Did you mean `inner/latest-artifact`\?"),
        ({"inner": MINE}, {}, r"It is a sub-pipeline: name its tasks, for example `inner/latest-"),
        ({}, {"trainr": MINE}, r"\[images.components\]: unknown component `trainr`.* `trainer`\?"),
    ],
)
def test_a_name_that_does_not_exist_is_refused(
    tasks: dict[str, str], components: dict[str, str], message: str
) -> None:
    with pytest.raises(CompileError, match=message):
        changed(tasks, components)


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_the_penguins_train_in_an_image_of_the_authors_own(target: str) -> None:
    source = load(Path(__file__).parents[2] / "examples/penguins/pipeline.py")
    images = Images(registry="ghcr.io/headrace", digests=dict.fromkeys(catalog.__all__, DIGEST))
    own = dataclasses.replace(images, tasks={"trainer": MINE})
    before, after = (
        compile_for(source, target, Profile(images=each, targets=(Vertex(pipeline_root="gs://b"),)))
        for each in (images, own)
    )

    theirs = f"ghcr.io/headrace/trainer@{DIGEST}"
    assert before.text.count(theirs) == 1
    # Only the author knows the user of the author's own image.
    security = "        exec-trainer:\n          securityContext:\n            runAsNonRoot: true\n"
    expected = before.text.replace(theirs, MINE)
    if target == "kubeflow":
        assert expected.count(security) == 1
        expected = expected.replace(security, "")
    assert after.text == expected


def trained(kind: str = "", count: str = "") -> str:
    """Returns the image of a trainer's task, for the resources that it requests."""
    spec = specs.copy(SPEC)
    container = spec["deploymentSpec"]["executors"]["exec-trainer"]["container"]
    accelerator = {"resourceType": kind, "resourceCount": count}
    container["resources"] = {"accelerator": {k: v for k, v in accelerator.items() if v}}
    images = images_of(
        apply_images(spec, target_named("vertex"), profile("pusher", "trainer", "trainer_cuda"))
    )
    assert images["pusher"] == f"ghcr.io/mine/pusher@{DIGEST}"
    return images["trainer"].removeprefix("ghcr.io/mine/").removesuffix(f"@{DIGEST}")


@pytest.mark.parametrize(
    ("kind", "count", "image"),
    [
        ("NVIDIA_L4", "1", "trainer_cuda"),
        ("nvidia.com/gpu", "2", "trainer_cuda"),
        ("", "1", "trainer_cuda"),
        ("{{$.inputs.parameters['pipelinechannel--gpu']}}", "1", "trainer_cuda"),
        ("NVIDIA_L4", "{{$.inputs.parameters['pipelinechannel--num']}}", "trainer_cuda"),
        ("NVIDIA_L4", "0", "trainer"),
        ("TPU_V3", "8", "trainer"),
        ("amd.com/gpu", "1", "trainer"),
        ("", "", "trainer"),
    ],
)
def test_who_asks_for_a_gpu_of_nvidia_gets_the_image_with_cuda(
    kind: str, count: str, image: str
) -> None:
    assert trained(kind, count) == image


@dsl.pipeline(name="two")
def two() -> None:
    examples = dsl.importer(artifact_uri="gs://b/a", artifact_class=artifacts.Examples)
    trainer = catalog.trainer(examples=examples.output, run_fn="acme.run_fn")
    trainer.set_accelerator_type("NVIDIA_TESLA_T4")
    catalog.pusher().set_accelerator_type("NVIDIA_TESLA_T4")


def test_a_variant_without_a_digest_is_told_with_what_to_push(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    message = (
        "images: no digest for ['trainer_cuda'] (trainer_cuda is trainer for tasks that ask for an "
        f"NVIDIA GPU); known: ['pusher', 'trainer'], from {tmp_path}/images/digests.json, which is "
        "not there, and the table [images.digests] of headrace.toml. Run `headrace images build "
        "trainer_cuda` and `headrace images push trainer_cuda --registry ghcr.io/mine`, which "
        "records it in digests.json of the folder of the images. Where that is another file"
    )
    with pytest.raises(CompileError, match=re.escape(message)):
        apply_images(load(two).spec, target_named("kubeflow"), profile("pusher", "trainer"))


def test_an_image_of_the_authors_own_goes_before_a_variant() -> None:
    images = Images(registry="ghcr.io/mine", digests={"pusher": DIGEST}, tasks={"trainer": MINE})
    spec = apply_images(load(two).spec, target_named("kubeflow"), Profile(images=images))
    # Components without a variant keep their image.
    assert images_of(spec) == {"trainer": MINE, "pusher": f"ghcr.io/mine/pusher@{DIGEST}"}
